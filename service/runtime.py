"""Build the service's parts from the settings, once, in the order in which they depend on each other."""

from dataclasses import dataclass
from datetime import UTC, datetime

from safety import Guard, Policy
from safety.errors import SafetyError
from service.errors import StartupError
from service.gateway import Gateway
from service.generators import Generator, create_generator
from service.indexes import Space, create_index
from service.keys import Keys, load_or_create_keys
from service.labelling import Labelling
from service.lookalikes import Lookalikes
from service.marking import Marker
from service.receipt import ReceiptIssuer
from service.receipt_keys import FOLDER as RECEIPT_FOLDER
from service.receipt_keys import ReceiptKeys
from service.resign_queue import ResignQueue
from service.resolution import Resolver
from service.resolution_access import ResolutionAccess
from service.settings import Settings
from service.stores import AuditStore, RegistryStore, audit_sqlite, registry_sqlite
from service.timestamping import PolicySigner
from service.trust_lists import TrustLists
from service.verification import Verifier
from watermark.errors import ManifestError, SigningError
from watermark.picture import Limits

# In the data directory; the index may be deleted at any time.
AUDIT_FILE, REGISTRY_FILE, INDEX_FOLDER = "audit.sqlite", "registry.sqlite", "fingerprint-index"


def utc_now() -> datetime:
    """The service's only clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything a route or a command needs."""

    settings: Settings
    keys: Keys
    limits: Limits
    guard: Guard
    generator: Generator
    gateway: Gateway
    signer: PolicySigner
    verifier: Verifier
    receipts: ReceiptIssuer
    lookalikes: Lookalikes
    resolver: Resolver
    resolution_access: ResolutionAccess
    registry: RegistryStore
    audit: AuditStore

    def close(self) -> None:
        """Close stores and connections."""
        self.lookalikes.close()
        self.generator.close()
        self.signer.close()
        self.audit.close()
        self.registry.close()


def open_stores(settings: Settings) -> tuple[Keys, RegistryStore, AuditStore]:
    """Open keys and stores only: enough to read reports and the log.

    Raises:
        StartupError: keys or stores are unusable.

    """
    keys = load_or_create_keys(settings, utc_now())
    registry = open_registry(settings)
    try:
        audit = audit_sqlite.create(settings.data_dir / AUDIT_FILE, signing_key=keys.audit, clock=utc_now)
    except (SafetyError, OSError) as error:
        raise StartupError(f"audit log in {settings.data_dir}: {error}") from error
    return keys, registry, audit


def open_policy(settings: Settings) -> Policy:
    """Return the policy in force.

    Raises:
        safety.errors.PolicyInvalid: its file cannot be used.

    """
    return Policy.load(settings.policy) if settings.policy else Policy.default()


def open_guard(settings: Settings) -> Guard:
    """Build what judges prompts and pictures; models are loaded at first use.

    Raises:
        StartupError: the policy cannot be used.

    """
    try:
        return Guard(
            open_policy(settings),
            settings.prompt_classifiers,
            settings.image_classifiers,
            options=settings.classifier_options,
            timeout_s=settings.classifier_timeout_s,
            combine=settings.combine,
        )
    except SafetyError as error:
        raise StartupError(f"safety checks: {error}") from error


def open_signer(settings: Settings, keys: Keys) -> PolicySigner:
    """Build what signs manifests, with the timestamp authority that the settings name.

    Raises:
        StartupError: the key does not sign.

    """
    queue = resign_queue(settings)
    try:
        return PolicySigner(keys.identity, settings.timestamp_url, settings.timestamp_policy, queue)
    except (SigningError, ManifestError) as error:
        raise StartupError(f"signing: {error}") from error


def resign_queue(settings: Settings) -> ResignQueue:
    """Return the queue of pictures that wait for a timestamp."""
    return ResignQueue(settings.data_dir / "awaiting-timestamp")


def open_verifier(settings: Settings, keys: Keys) -> Verifier:
    """Build what `countermark verify` needs: no models, no generator.

    Raises:
        StartupError: the registry cannot be opened.

    """
    registry = open_registry(settings)
    return _verifier(settings, keys, registry, open_lookalikes(settings, registry))


def open_receipts(settings: Settings) -> ReceiptIssuer:
    """Build what signs verification receipts; its first key is made now.

    Raises:
        StartupError: the keys cannot be used.

    """
    keys = ReceiptKeys(settings.data_dir / "keys" / RECEIPT_FOLDER)
    keys.signing_key(utc_now())
    return ReceiptIssuer(keys, settings.address, utc_now)


def open_lookalikes(settings: Settings, registry: RegistryStore) -> Lookalikes:
    """Open the index of fingerprints; what it lacks of the registry is added at the first search.

    Raises:
        StartupError: the index cannot be opened.

    """
    spaces: tuple[Space, ...] = ("hashes", "features")
    folder = settings.data_dir / INDEX_FOLDER
    options = settings.vector_index_options
    indexes = {space: create_index(settings.vector_index, folder, space, **options) for space in spaces}
    return Lookalikes(registry, indexes)


def open_registry(settings: Settings) -> RegistryStore:
    """Open the registry alone.

    Raises:
        StartupError: it is unusable.

    """
    try:
        return registry_sqlite.create(settings.data_dir / REGISTRY_FILE)
    except (SafetyError, OSError) as error:
        raise StartupError(f"registry in {settings.data_dir}: {error}") from error


def _verifier(settings: Settings, keys: Keys, registry: RegistryStore, lookalikes: Lookalikes) -> Verifier:
    trust = TrustLists(keys.identity.root_pem, settings.trust_anchors_file)
    return Verifier(keys, trust, registry, _limits(settings), lookalikes)


def _limits(settings: Settings) -> Limits:
    return Limits(max_bytes=settings.max_upload_bytes, max_pixels=settings.max_pixels)


def build_runtime(settings: Settings) -> Runtime:
    """Build all parts and load the models.

    Raises:
        StartupError: a part cannot be built; the message says what to change.

    """
    keys, registry, audit = open_stores(settings)
    limits = _limits(settings)
    guard = open_guard(settings)
    try:
        guard.warm_up()
    except SafetyError as error:
        raise StartupError(f"safety checks: {error}") from error
    generator = create_generator(settings.generator, **settings.generator_options)
    labelling = Labelling(settings.label_profiles, settings.aigc_producer, settings.label_prompt)
    signer = open_signer(settings, keys)
    lookalikes = open_lookalikes(settings, registry)
    lookalikes.catch_up()  # now rather than during the first request
    marker = Marker(
        keys,
        settings.provider,
        registry,
        utc_now,
        signer=signer,
        thumbnails=settings.manifest_thumbnails,
        labelling=labelling,
        likeness=lookalikes,
    )
    verifier = _verifier(settings, keys, registry, lookalikes)
    return Runtime(
        settings=settings,
        signer=signer,
        keys=keys,
        limits=limits,
        guard=guard,
        generator=generator,
        gateway=Gateway(guard, generator, marker, audit, keys.prompt_hash, limits, utc_now),
        verifier=verifier,
        lookalikes=lookalikes,
        resolver=Resolver(keys, registry, lookalikes, verifier.pictures),
        resolution_access=ResolutionAccess(settings),
        receipts=open_receipts(settings),
        registry=registry,
        audit=audit,
    )
