"""A web page: choose a photo, and see it cut out when its event came. Photos go straight into the bucket.

Whoever knows the page's address can spend credits; `daily_credit_limit` says how many.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from dropcut_cdk import Dropcut

app = App()
stack = Stack(app, "WebPage")
cutouts = Dropcut(stack, "Cutouts", renditions=["full", "preview"], daily_credit_limit=100)
assert isinstance(cutouts.input_bucket, s3.Bucket)
cutouts.input_bucket.add_cors_rule(allowed_methods=[s3.HttpMethods.POST], allowed_origins=["*"])

results = dynamodb.TableV2(
    stack,
    "Results",
    partition_key=dynamodb.Attribute(name="photo", type=dynamodb.AttributeType.STRING),
    time_to_live_attribute="expires_at",
)
page = lambda_.Function(
    stack,
    "Page",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="page.handler",
    code=lambda_.Code.from_asset(str(Path(__file__).parent / "page"), exclude=["__pycache__"]),
    environment={
        "PHOTOS": cutouts.input_bucket.bucket_name,
        "CUTOUTS": cutouts.output_bucket.bucket_name,
        "RESULTS": results.table_name,
    },
)
cutouts.grant_upload(page)
cutouts.grant_read_cutouts(page)
results.grant_read_write_data(page)
cutouts.on_delivered("Delivered", target=targets.LambdaFunction(page))
cutouts.on_rejected("Rejected", target=targets.LambdaFunction(page))
url = page.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)

CfnOutput(stack, "PageUrl", value=url.url)
CfnOutput(stack, "PageFunction", value=page.function_name)
CfnOutput(stack, "PutTheApiKeyInto", value=cutouts.api_key.secret)
app.synth()
