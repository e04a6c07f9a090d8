"""Buckets that were there before: JPEG photos of one become renditions in another, and a function hears of each.

    cdk deploy -c photos=BUCKET -c shop=BUCKET

EventBridge has to be switched on for the bucket of photos; its other notifications stay as they are.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from dropcut_cdk import Dropcut, Input

app = App()
stack = Stack(app, "OwnBuckets")
photos = s3.Bucket.from_bucket_name(stack, "Photos", app.node.get_context("photos"))
shop = s3.Bucket.from_bucket_name(stack, "Shop", app.node.get_context("shop"))

cutouts = Dropcut(
    stack,
    "Cutouts",
    inputs=[Input(bucket=photos, prefix="products/", suffixes=[".jpg", ".jpeg"], tag=("cut", "yes"))],
    output_bucket=shop,
    renditions=["full", "amazon_main"],
    daily_credit_limit=500,
)
cutouts.add_input(photos, prefix="people/", renditions=["preview"])

catalogue = dynamodb.TableV2(
    stack, "Catalogue", partition_key=dynamodb.Attribute(name="photo", type=dynamodb.AttributeType.STRING)
)
index = lambda_.Function(
    stack,
    "Index",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="index.handler",
    environment={"CATALOGUE": catalogue.table_name},
    code=lambda_.Code.from_inline("""
import os, boto3

catalogue = boto3.resource("dynamodb").Table(os.environ["CATALOGUE"])

def handler(event, context):
    photo = event["detail"]
    catalogue.put_item(Item={"photo": photo["key"], "cutouts": [each["key"] for each in photo["renditions"]]})
"""),
)
catalogue.grant_write_data(index)
cutouts.on_delivered("Indexed", target=targets.LambdaFunction(index))

CfnOutput(stack, "CatalogueName", value=catalogue.table_name)
CfnOutput(stack, "PutTheApiKeyInto", value=cutouts.api_key.secret)
app.synth()
