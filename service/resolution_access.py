"""Who may ask for manifests: anybody, or callers with an API key or an OAuth 2 bearer token.

A token is a JWT signed by a key of the configured JWKS, not expired, for the configured audience, whose `scope` has
`fetch:manifests` (the scope of the C2PA Soft Binding Resolution API). Keys are compared by their hashes, in constant
time. Shared-secret signatures (HS256) are not accepted: a JWKS is public.
"""

import hashlib
import hmac
import json
import time

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.errors import StartupError
from service.settings import Settings

SCOPE = "fetch:manifests"
_ALGORITHMS = ["ES256", "ES384", "RS256", "PS256", "EdDSA", "Ed25519"]
_LEAST_KEY_CHARACTERS = 16
_MOST_TOKEN_CHARACTERS = 8192


class ResolutionAccess:
    """Decides by the two headers of a request.

    Raises:
        StartupError: access is protected and there is nothing that could open it, or a file cannot be used.

    """

    def __init__(self, settings: Settings) -> None:
        self._public = settings.resolution_access == "public"
        self._audience = settings.resolution_audience
        try:
            path = settings.resolution_key_file
            lines = path.read_text("utf-8").split() if path else []
            path = settings.resolution_jwks_file
            self._jwks = KeySet.import_key_set(json.loads(path.read_text("utf-8"))) if path else None
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            raise StartupError(f"resolution access: {path}: {error}. Give API keys or a JWKS.") from error
        if any(len(line) < _LEAST_KEY_CHARACTERS for line in lines):
            raise StartupError(
                f"resolution_key_file: got a key under {_LEAST_KEY_CHARACTERS} characters, use longer ones."
            )
        self._keys = [_digest(line) for line in lines]
        if not self._public and not self._keys and self._jwks is None:
            raise StartupError(
                "resolution_access: got protected, expected resolution_key_file or resolution_jwks_file with it."
            )

    def allows(self, api_key: str | None, authorization: str | None) -> bool:
        """Tell whether a caller with these headers (X-API-Key, Authorization) may ask."""
        if self._public:
            return True
        if api_key is not None and self._knows(api_key):
            return True
        kind, _, token = (authorization or "").partition(" ")
        return kind.lower() == "bearer" and self._accepts(token.strip())

    def _knows(self, api_key: str) -> bool:
        digest, found = _digest(api_key), False
        for one in self._keys:
            found |= hmac.compare_digest(digest, one)  # all of them, so that the time tells nothing
        return found

    def _accepts(self, token: str) -> bool:
        if self._jwks is None or len(token) > _MOST_TOKEN_CHARACTERS:
            return False
        try:
            claims = jwt.decode(token, self._jwks, algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, KeyError):
            return False
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or not isinstance(begins, int | float):
            return False
        audiences = claims.get("aud", [])
        audiences = [audiences] if isinstance(audiences, str) else audiences
        return (
            begins <= time.time() < expires
            and (not self._audience or self._audience in audiences)
            and SCOPE in str(claims.get("scope", "")).split()
        )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
