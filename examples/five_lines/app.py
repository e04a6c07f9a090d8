"""The least: photos dropped into one bucket come out, cut out, in another."""

from aws_cdk import App, CfnOutput, Stack

from dropcut_cdk import Dropcut

app = App()
stack = Stack(app, "FiveLines")
cutouts = Dropcut(stack, "Cutouts")
CfnOutput(stack, "DropPhotosInto", value=cutouts.input_bucket.bucket_name)
CfnOutput(stack, "CutoutsAppearIn", value=cutouts.output_bucket.bucket_name)
CfnOutput(stack, "PutTheApiKeyInto", value=cutouts.api_key.secret)
app.synth()
