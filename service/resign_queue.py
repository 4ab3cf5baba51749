"""Pictures that were signed without a timestamp and wait to be signed again with one.

One file a job, `<SHA-256 of what it holds>.json` of mode 0600, which appears whole by an atomic rename and is gone once
the job is done; one picture may leave as several files. It holds what signing needs: the marked picture before its
signature and the files that it was made from. Only here does the service keep pictures, and only under
`timestamp_policy = "sign_without"`.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from service.errors import CannotRecord
from service.key_files import write_private
from service.stores import Release
from watermark.label import AiLabel
from watermark.manifest import SignedPicture, Source

MAX_JOBS: Final = 1000
"""Then the queue is full and signing refuses: an authority that is down for that long is an incident."""


class SigningJob(BaseModel):
    """What `ManifestSigner.sign` is given for one picture."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    data: bytes
    mime: str
    label: AiLabel
    soft_binding: str
    other_bindings: tuple[tuple[str, str], ...] = ()
    sources: tuple[Source, ...] = ()
    thumbnail: bytes | None = None

    def release(self, signed: SignedPicture, created_at: datetime) -> Release:
        """Describe the file that signing made, as a further one of the registered picture."""
        return Release(
            record_id=self.soft_binding,
            created_at=created_at,
            mime=self.mime,
            sha256=hashlib.sha256(signed.data).hexdigest(),
            manifest_id=signed.manifest_id,
            manifest=signed.manifest,
        )


class ResignQueue:
    """The queue in one folder; safe between threads and processes.

    Args:
        folder: made (mode 0700) when the first picture comes.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, job: SigningJob) -> None:
        """Keep a picture until `done`.

        Raises:
            CannotRecord: the queue is full or cannot be written.

        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if sum(1 for _ in self._folder.glob("*.json")) >= MAX_JOBS:
                raise CannotRecord(
                    f"resign queue {self._folder}: {MAX_JOBS} pictures wait for a timestamp; run `countermark resign`."
                )
            staged, body = self._folder / f".{secrets.token_hex(8)}", job.model_dump_json().encode()
            write_private(staged, body)
            staged.rename(self._folder / f"{hashlib.sha256(body).hexdigest()}.json")
        except OSError as error:
            raise CannotRecord(f"resign queue {self._folder}: {error}.") from error

    def jobs(self) -> Iterator[tuple[Path, SigningJob | None]]:
        """Yield what waits and its file, oldest first; None for a file that cannot be read."""
        waiting = []
        for path in self._folder.glob("*.json"):
            with suppress(FileNotFoundError):  # somebody else is done with it
                waiting.append((path.stat().st_mtime, path.name, path))
        for *_, path in sorted(waiting):
            job = None
            try:
                job = SigningJob.model_validate_json(path.read_bytes())
            except FileNotFoundError:
                continue
            except (OSError, ValidationError):
                pass  # named to the caller by its path alone
            yield path, job

    def done(self, path: Path) -> None:
        """Forget the job that `jobs` read from this file, and no other."""
        path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return sum(1 for _ in self._folder.glob("*.json"))
