"""What can go wrong in the registry (the audit log raises safety.errors.AuditError).

ServiceError
├── CannotRecord
│   ├── RegistryConflict       the id is taken, or is not an id: nothing was overwritten
│   └── RegistryUnavailable    the file cannot be read or written now
└── StartupError
    └── RegistryUnusable       not a registry, or one of a newer Countermark
"""

from service.errors import CannotRecord, StartupError


class RegistryConflict(CannotRecord):
    """A record with this id is there already; records are never overwritten."""

    code = "registry_conflict"


class RegistryUnavailable(CannotRecord):
    """The registry could not be read or written; the cause is chained."""

    code = "registry_unavailable"


class RegistryUnusable(StartupError):
    """The file is not a registry that this version can use."""

    code = "registry_unusable"
