"""A picture that was prepared, and the answer that was paid for it, for tests to which it does not matter which."""

from dropcut.core.messages import PaidAnswer, PreparedPicture

PICTURE = PreparedPicture(work_key="prepared/x.jpeg", sha256="x", format="jpeg", width=80, height=64, size_bytes=9)
ANSWER = PaidAnswer(
    work_key="paid/x.png",
    picture_sha256="x",
    format="png",
    width=80,
    height=64,
    credits=2.0,
    request_id=None,
    provider="ezlink",
)
