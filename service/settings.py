"""Every setting of the service, in one frozen object built once and passed down.

Sources, the first wins: command line, environment (`COUNTERMARK_*`), a TOML file (`--config`), the defaults
here. Started with no configuration at all, the defaults work. No other module reads the environment (lint
rule TID251).
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from classifiers import DEFAULT_IMAGE, DEFAULT_PROMPT
from classifiers.combine import Combination
from safety.guard import TIMEOUT_S
from service.errors import StartupError
from watermark.errors import MetadataError
from watermark.labels.profile import plan_labels

MIB = 1024 * 1024
PREFIX = "COUNTERMARK_"


class Settings(BaseSettings):
    """Settings with their defaults; `countermark serve --help` names the ones that have a flag."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1",
        description="address to listen on; anything but loopback needs a proxy with access control",
    )
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9._~:\[\]/-]{1,200}$",
        description="address under which others reach the service, written into receipts; host and port otherwise",
    )
    data_dir: Path = Field(
        Path("countermark-data"), description="keys, registry and audit log; made on first start"
    )

    provider: str = Field(
        "Countermark development", max_length=200, description="provider name written into every mark"
    )
    label_profiles: tuple[str, ...] = Field(
        (), description="labelling profiles that every picture is marked by: eu, california, china, ..."
    )
    label_prompt: bool = Field(
        False, description="write the prompt into AIPromptInformation; prompts are personal data"
    )
    aigc_producer: str = Field(
        "",
        max_length=200,
        pattern=r"^[\x21\x23-\x5B\x5D-\x7E]*$",
        description="the provider's code in China's label; its name when empty",
    )
    generator: str = Field(
        "builtin", description="generator plug-in: a module of service.generators or 'package.module:create'"
    )
    generator_options: dict[str, Any] = Field({}, description="keyword arguments of the plug-in's create()")
    policy: Path | None = Field(None, description="policy TOML; the packaged default when absent")

    prompt_classifiers: tuple[str, ...] = Field(
        DEFAULT_PROMPT,
        min_length=1,
        description="what judges prompts: names of classifiers, or 'package.module:factory'",
    )
    image_classifiers: tuple[str, ...] = Field(DEFAULT_IMAGE, description="what judges pictures")
    classifier_options: dict[str, dict[str, Any]] = Field(
        {}, description="keyword arguments of a classifier's factory, in a table by its name"
    )
    classifier_timeout_s: float = Field(
        TIMEOUT_S, gt=0, le=600, description="seconds that one classifier may take for one prompt or picture"
    )
    combine: Combination = Field(
        "max", description="how several scores of a category become one: max, or mean of those that know it"
    )

    watermark_key_file: Path | None = Field(
        None, description="file with 16..64 key bytes in hex; a development key otherwise"
    )
    watermark_old_key_files: tuple[Path, ...] = Field(
        (), description="files with keys that marked before; marks of theirs are found too"
    )
    signing_chain_file: Path | None = Field(
        None, description="PEM chain, leaf first; a development chain otherwise"
    )
    signing_key_file: Path | None = Field(None, description="PEM private key (PKCS#8) of the leaf")
    signing_pkcs11_module: Path | None = Field(
        None,
        description="PKCS#11 library of the hardware module that holds the key, instead of signing_key_file",
    )
    signing_pkcs11_token: str = Field("", description="label of the token in that module")
    signing_pkcs11_key: str = Field("", description="label of the private key in the token")
    signing_pkcs11_pin_file: Path | None = Field(None, description="file with the token's user PIN")
    timestamp_url: str | None = Field(
        None, pattern=r"^https?://[^\s]{1,500}$", description="RFC 3161 timestamp authority; none without"
    )
    timestamp_policy: Literal["refuse", "retry", "sign_without"] = Field(
        "retry",
        description="when the authority is down: refuse, retry three times and then refuse, or sign without and queue",
    )
    manifest_thumbnails: bool = Field(True, description="put a JPEG of up to 512 px into each manifest")
    trust_anchors_file: Path | None = Field(
        None,
        description="PEM certificates whose signers are shown as trusted: a file or a folder, read again on change",
    )

    vector_index: str = Field(
        "usearch", description="where fingerprints are looked up: usearch, milvus, or 'package.module:create'"
    )
    vector_index_options: dict[str, Any] = Field({}, description="keyword arguments of the index's create()")
    semantic_model: Path | None = Field(
        None, description="folder of a ResNet checkpoint, for `countermark similar`; off without"
    )
    resolution_access: Literal["public", "protected"] = Field(
        "public",
        description="who may ask for manifests: anybody, or whoever has an API key or a bearer token",
    )
    resolution_key_file: Path | None = Field(None, description="API keys of those who may ask, one a line")
    resolution_jwks_file: Path | None = Field(
        None, description="public keys (JWKS) of who issues bearer tokens with the scope fetch:manifests"
    )
    resolution_audience: str = Field("", description="audience that such a token must name; empty: any")
    resolution_hosts: tuple[str, ...] = Field(
        (), description="hosts of other services that `countermark resolve` may ask, as host or host:port"
    )

    max_upload_bytes: int = Field(32 * MIB, ge=1024, description="largest upload in bytes")
    max_pixels: int = Field(
        50_000_000, ge=128 * 128, description="largest picture in pixels, checked before decoding"
    )
    max_mark_pixels: int = Field(
        25_000_000,
        ge=128 * 128,
        description="largest picture that /v1/mark takes: marking needs more memory than reading",
    )
    workers: int = Field(2, ge=1, le=64, description="pictures worked on at the same time")
    queue: int = Field(32, ge=1, le=10_000, description="requests that may wait for a worker before 503")

    @model_validator(mode="after")
    def _options_are_for_somebody(self) -> Self:
        for name in self.classifier_options:
            if name not in (*self.prompt_classifiers, *self.image_classifiers):
                raise ValueError(f"classifier_options has a table for {name!r}, which is not in use")
        return self

    @field_validator("provider")
    @classmethod
    def _provider_can_be_written(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("must be a printable name: it is written into every mark")
        return value

    @field_validator("label_profiles")
    @classmethod
    def _profiles_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return plan_labels(value).profiles
        except MetadataError as error:
            raise ValueError(str(error)) from error

    @property
    def address(self) -> str:
        """Where the service is to be found, without a slash at the end; a port picked by the system is not known."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}" if self.port else f"http://{host}"

    @property
    def on_loopback(self) -> bool:
        """True when only this machine can reach the service."""
        return self.host in {"127.0.0.1", "::1", "localhost"}


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Build the settings from flags (`overrides`, None = not given), environment, and the TOML file `config`.

    Raises:
        StartupError: the file cannot be read, or a value is unknown or out of range.

    """
    values: dict[str, Any] = {}
    if config is not None:
        try:
            values = tomllib.loads(config.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise StartupError(f"config {config}: {error}. Give a readable TOML file.") from error
    given = {name: value for name, value in overrides.items() if value is not None}
    unknown = [
        n
        for n in os.environ
        if n.startswith(PREFIX) and n.removeprefix(PREFIX).lower() not in Settings.model_fields
    ]
    if unknown:
        raise StartupError(
            f"environment: got {', '.join(sorted(unknown))}, no such setting; the README lists them."
        )
    try:
        from_environment = Settings().model_dump(exclude_unset=True)
        return Settings(**(values | from_environment | given))
    except SettingsError as error:
        raise StartupError(f"environment: {error}; lists and tables are given as JSON.") from error
    except ValidationError as error:
        lines = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors())
        raise StartupError(
            f"settings: {lines}. `countermark serve --help` and the README list them."
        ) from error
