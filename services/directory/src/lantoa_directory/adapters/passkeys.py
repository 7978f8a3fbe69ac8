"""Passkeys by the `webauthn` library: questions for a browser, and whether its answers hold."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from lantoa_directory.domain.factors import ISSUER
from lantoa_directory.usecases.passkeys import Key, PasskeyRefused, Site

_ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_PATIENCE_MS = 300_000


class WebAuthn:
    """User verification (a finger, a face, a PIN) is asked for and checked, so a key is two factors in one."""

    def creation(
        self, site: Site, handle: bytes, login: str, name: str, known: Iterable[str], challenge: bytes
    ) -> dict[str, Any]:
        """``PublicKeyCredentialCreationOptions`` as JSON; keys in ``known`` are not made once more."""
        options = generate_registration_options(
            rp_id=site.rp_id,
            rp_name=ISSUER,
            user_id=handle,
            user_name=login,
            user_display_name=name,
            challenge=challenge,
            timeout=_PATIENCE_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=_described(known),
            supported_pub_key_algs=_ALGORITHMS,
        )
        return options_to_json_dict(options)

    def request(self, site: Site, allowed: Iterable[str], challenge: bytes) -> dict[str, Any]:
        """``PublicKeyCredentialRequestOptions`` as JSON; any key of this site where none is named."""
        options = generate_authentication_options(
            rp_id=site.rp_id,
            challenge=challenge,
            timeout=_PATIENCE_MS,
            allow_credentials=_described(allowed),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def registered(self, site: Site, credential: Mapping[str, Any], challenge: bytes) -> Key:
        """The key that a browser has made.

        Raises:
            PasskeyRefused: another site, another challenge, nobody verified, or no answer at all.
        """
        try:
            made = verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                require_user_verification=True,
                supported_pub_key_algs=_ALGORITHMS,
            )
        except Exception as error:  # the bytes are a stranger's; whatever they break, they prove nothing
            raise PasskeyRefused(str(error)) from error
        key = base64.b64encode(made.credential_public_key).decode()
        return Key(bytes_to_base64url(made.credential_id), key, made.sign_count)

    def asserted(self, site: Site, credential: Mapping[str, Any], challenge: bytes, key: Key) -> int:
        """The key's new count of signatures.

        Raises:
            PasskeyRefused: another site or challenge, nobody verified, not this key's signature, or a count that does
                not rise: the key has a copy.
        """
        try:
            checked = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                credential_public_key=base64.b64decode(key.public),
                credential_current_sign_count=key.count,
                require_user_verification=True,
            )
        except Exception as error:  # as above
            raise PasskeyRefused(str(error)) from error
        return checked.new_sign_count


def _described(ids: Iterable[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in ids]
