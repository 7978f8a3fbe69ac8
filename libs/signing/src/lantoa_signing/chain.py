"""Chains of entries that nobody can change unseen, and the signed heads that pin their ends.

An entry holds the hash of the one before it. A seal is a signed list of heads, numbered, and holds the hash of the seal
before it. Whoever has the entries, the seals and the public key can find what was changed, and where.
"""

import hashlib
import itertools
import json
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lantoa_contracts.base import SignedDocument
from lantoa_signing.documents import SignatureRefused, key_id, verify

GENESIS = "0" * 64
"""What stands before the first entry of a chain, and before the first seal."""
FIELDS = (
    "chain",
    "seq",
    "at",
    "actor",
    "action",
    "object",
    "before",
    "after",
    "origin",
    "trace_id",
    "event",
)
"""What an entry tells, beside ``prev`` and ``hash``; ``seq`` counts from 1."""
SEALS = "seals"
"""The name under which faults of seals are told."""
_MOST_GUESSES = 200
"""Entries out of place that are looked for by trying each other's numbers."""

Entry = Mapping[str, Any]
Kind = Literal["flipped", "deleted", "truncated", "reordered", "replayed", "rewritten", "forged"]
"""``flipped``: an entry says something else · ``deleted``: entries are missing in the middle · ``truncated``: at the
end · ``reordered``: not at their place · ``replayed``: an old seal stands where a newer one belongs · ``rewritten``:
all fits, but not to what was sealed · ``forged``: a seal that this key has not signed."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was written. ``index`` is the entry's ``seq``, or the number of the seal."""

    kind: Kind
    chain: str
    index: int

    def __str__(self) -> str:
        return f"{self.chain} {self.index} {self.kind}"


@dataclass(frozen=True)
class Head:
    """The last entry of a chain."""

    chain: str
    seq: int
    hash: str


@dataclass(frozen=True)
class Seal:
    """What a seal says. ``text`` is what was signed."""

    number: int
    at: str
    prev: str
    heads: tuple[Head, ...]
    text: str

    @property
    def hash(self) -> str:
        """By which the next seal knows this one."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and without spaces."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def entry_hash(entry: Entry) -> str:
    """SHA-256 (hex) over the hash before it and what the entry tells."""
    told = {name: entry.get(name) for name in FIELDS}
    return hashlib.sha256(f"{entry.get('prev')}{canonical(told)}".encode("utf-8", "surrogatepass")).hexdigest()


def linked(entry: Entry, prev: str) -> dict[str, Any]:
    """The entry as it stands after the one whose hash is ``prev``."""
    whole = {**{name: entry[name] for name in FIELDS}, "prev": prev}
    return {**whole, "hash": entry_hash(whole)}


def seal_text(number: int, at: str, prev: str, heads: Iterable[Head]) -> str:
    """What is signed."""
    listed = [[head.chain, head.seq, head.hash] for head in heads]
    return canonical({"number": number, "at": at, "prev": prev, "heads": listed})


def open_seal(document: SignedDocument, publics: Iterable[bytes]) -> Seal:
    """What a seal says, once its signature has been checked against the keys that have sealed.

    Raises:
        SignatureRefused: it is not signed by one of them, or says nothing that a seal says.
    """
    public = next((one for one in publics if key_id(one) == document.kid), None)
    if public is None:
        raise SignatureRefused("unknown key")
    text = verify(document, public)
    try:
        told = json.loads(text)
        heads = tuple(Head(str(chain), int(seq), str(hash_)) for chain, seq, hash_ in told["heads"])
        return Seal(int(told["number"]), str(told["at"]), str(told["prev"]), heads, text)
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureRefused("not a seal") from error


def examine(
    chains: Mapping[str, Sequence[Entry]],
    seals: Sequence[SignedDocument],
    copies: Sequence[SignedDocument],
    publics: Collection[bytes],
    only: Container[str] | None = None,
) -> list[Finding]:
    """Everything that is not as it was written, by chain and place; empty when all is well.

    ``chains`` and ``seals`` are given as they were found, in that order; ``copies`` are seals from another place than
    ``seals``, as many as there are. ``only`` names the chains that were looked at, where those are not all.
    """
    kept, findings = _examine_seals(seals, copies, publics)
    sealed: dict[str, dict[int, str]] = {}
    for seal in kept:
        for head in seal.heads:
            if only is None or head.chain in only:
                sealed.setdefault(head.chain, {})[head.seq] = head.hash
    for chain in sorted({*chains, *sealed}):
        findings += _examine_chain(chain, chains.get(chain, ()), sealed.get(chain, {}))
    return findings


def _examine_seals(
    seals: Sequence[SignedDocument], copies: Sequence[SignedDocument], publics: Collection[bytes]
) -> tuple[list[Seal], list[Finding]]:
    findings: list[Finding] = []
    trusted = {seal.number: seal for seal in _opened(copies, publics)}
    found: list[Seal] = []
    due, before = 1, GENESIS
    for document in seals:
        try:
            seal = open_seal(document, publics)
        except SignatureRefused:
            findings.append(Finding("forged", SEALS, due))
            due, before = due + 1, ""
            continue
        copy = trusted.get(due)
        if seal.number < due or (copy and seal.number == due and copy.text != seal.text):
            findings.append(Finding("replayed", SEALS, due))
            due, before = due + 1, copy.hash if copy else ""
            continue
        if seal.number > due:
            findings.append(Finding("deleted", SEALS, due))
        elif before and seal.prev != before:
            findings.append(Finding("replayed", SEALS, due))
        found.append(seal)
        due, before = seal.number + 1, seal.hash
    if trusted and max(trusted) >= due:
        # The newest that is shown is older than one that went out.
        findings.append(Finding("replayed", SEALS, due))
    return [*found, *trusted.values()], findings


def _opened(documents: Iterable[SignedDocument], publics: Collection[bytes]) -> Iterator[Seal]:
    for document in documents:
        try:
            yield open_seal(document, publics)
        except SignatureRefused:
            continue


def _examine_chain(chain: str, entries: Sequence[Entry], sealed: Mapping[int, str]) -> Iterator[Finding]:
    ordered = sorted(entries, key=lambda entry: int(entry["seq"]))
    for shown, due in zip(entries, ordered, strict=True):
        if shown["seq"] != due["seq"]:
            yield Finding("reordered", chain, due["seq"])
            break
    bad = {number for number, entry in enumerate(ordered) if entry_hash(entry) != entry["hash"]}
    yield from _gaps(chain, ordered)
    for number in sorted(bad):
        yield Finding(_kind(ordered, number, bad), chain, ordered[number]["seq"])
    yield from _links(chain, ordered, bad)
    yield from _sealed(chain, ordered, bad, sealed)


def _gaps(chain: str, ordered: Sequence[Entry]) -> Iterator[Finding]:
    due = 1
    for entry in ordered:
        if entry["seq"] > due:
            yield Finding("deleted", chain, due)
        elif entry["seq"] < due:
            yield Finding("reordered", chain, entry["seq"])
        due = entry["seq"] + 1


def _kind(ordered: Sequence[Entry], number: int, bad: set[int]) -> Kind:
    """Whether an entry that does not fit its hash would fit it under the number of another one."""
    entry = ordered[number]
    if len(bad) <= _MOST_GUESSES:
        for other in bad - {number}:
            if entry_hash({**entry, "seq": ordered[other]["seq"]}) == entry["hash"]:
                return "reordered"
    return "flipped"


def _links(chain: str, ordered: Sequence[Entry], bad: set[int]) -> Iterator[Finding]:
    """Entries that fit their own hash, and not the entry after them."""
    if ordered and 0 not in bad and ordered[0]["seq"] == 1 and ordered[0]["prev"] != GENESIS:
        yield Finding("flipped", chain, 1)
    for number, (entry, following) in enumerate(itertools.pairwise(ordered)):
        if {number, number + 1} & bad or following["seq"] != entry["seq"] + 1:
            continue
        if following["prev"] != entry["hash"]:
            yield Finding("flipped", chain, entry["seq"])


def _sealed(chain: str, ordered: Sequence[Entry], bad: set[int], sealed: Mapping[int, str]) -> Iterator[Finding]:
    last = ordered[-1]["seq"] if ordered else 0
    if any(seq > last for seq in sealed):
        yield Finding("truncated", chain, last + 1)
    if bad:
        return
    by_seq = {entry["seq"]: entry["hash"] for entry in ordered}
    agreed = 0
    for seq in sorted(sealed):
        if seq in by_seq and by_seq[seq] != sealed[seq]:
            yield Finding("rewritten", chain, agreed + 1)
            return
        agreed = seq
