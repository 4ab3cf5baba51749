"""Signatures with or without a timestamp, by a stated policy for when the authority is down.

    refuse         one try; the picture is refused
    retry          three tries within about 20 s; then the picture is refused
    sign_without   one try; then the picture is signed without a timestamp, the answer says so, and the picture waits
                   for `countermark resign`, which signs it again with one, registers the file and writes it for you to
                   hand on

A signature without a timestamp is good until its certificate expires; with one it stays good afterwards. The registry
keeps the manifests of both files.
"""

from typing import Any, Literal, NamedTuple

import structlog

from service.resign_queue import ResignQueue, SigningJob
from service.timestamp_relay import ONCE, PATIENT, TimestampRelay
from watermark.errors import TimestampError
from watermark.manifest import ManifestSigner, SignedPicture
from watermark.signing import SigningIdentity

log = structlog.get_logger("countermark")

Policy = Literal["refuse", "retry", "sign_without"]
Timestamp = Literal["none", "made", "pending"]


class Signature(NamedTuple):
    """A signed picture; `timestamp` is "none" where no authority is configured."""

    picture: SignedPicture
    timestamp: Timestamp


class PolicySigner:
    """Signs by the policy above; safe to share between threads.

    Args:
        identity: what signs.
        url: the timestamp authority, None for none.
        policy: see the module.
        queue: where pictures wait under "sign_without".

    """

    def __init__(
        self,
        identity: SigningIdentity,
        url: str | None = None,
        policy: Policy = "retry",
        queue: ResignQueue | None = None,
    ) -> None:
        if policy == "sign_without" and queue is None:
            raise ValueError("policy: got sign_without without a queue")
        self._policy, self._queue = policy, queue
        self._relay = TimestampRelay(url, PATIENT if policy == "retry" else ONCE) if url else None
        self._plain = ManifestSigner(identity)
        self._stamping = ManifestSigner(identity, tsa_url=self._relay.url) if self._relay else None

    def sign(self, job: SigningJob) -> Signature:
        """Sign one picture.

        Raises:
            TimestampError: the authority failed, and the policy says that this refuses.
            ManifestError, SigningError: as `ManifestSigner.sign`.

        """
        if self._stamping is None:
            return Signature(self._plain.sign(**_arguments(job)), "none")
        try:
            return Signature(self.stamp(job), "made")
        except TimestampError as error:
            if self._policy != "sign_without":
                raise
            log.warning("signing without a timestamp", id=job.soft_binding, cause=str(error))
            return Signature(self._plain.sign(**_arguments(job)), "pending")

    def await_timestamp(self, job: SigningJob) -> None:
        """Queue what `sign` answered "pending" for, once it is registered and before it leaves.

        Raises:
            CannotRecord: the queue is full or cannot be written.

        """
        if self._queue is not None:
            self._queue.put(job)

    def stamp(self, job: SigningJob) -> SignedPicture:
        """Sign with a timestamp or not at all.

        Raises:
            TimestampError: there is no authority, or it failed.
            ManifestError, SigningError: as `ManifestSigner.sign`.

        """
        if self._stamping is None or self._relay is None:
            raise TimestampError("timestamp: no authority is configured, set timestamp_url")
        try:
            return self._stamping.sign(**_arguments(job))
        except TimestampError as error:
            reason = self._relay.last_failure or "its answer is no timestamp"
            raise TimestampError(f"timestamp: the authority did not answer ({reason}), retry") from error

    def close(self) -> None:
        """Stop the relay."""
        if self._relay is not None:
            self._relay.close()


def _arguments(job: SigningJob) -> dict[str, Any]:
    return {name: getattr(job, name) for name in SigningJob.model_fields}
