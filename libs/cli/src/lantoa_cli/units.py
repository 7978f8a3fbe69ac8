"""`lantoa units`: find units, change them by acts, take acts back, take up lists. Nothing is done without `--yes`.

Whoever is elsewhere finds units by an access token. Acts are ordered by the operator here, or by an administrator in
the console: no access token is good for them.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from lantoa_cli.door import DATA, Data, Door, Gateway, Token
from lantoa_cli.errors import Refused, run

units = typer.Typer(no_args_is_help=True, help="Units and bodies: find, merge, split, rename, move, import.")

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_WHAT = {
    "made": "lập mới", "ended": "kết thúc, nhập vào", "follows": "chuyển về", "restored": "có hiệu lực lại",
    "void": "coi như chưa từng có", "back": "trở về",
}  # fmt: skip
_OUTCOMES = {"created": "thêm mới", "changed": "thay đổi", "unchanged": "giữ nguyên", "refused": "TỪ CHỐI"}
_STATES = {"waiting": "chờ đến ngày hiệu lực", "done": "đã có hiệu lực", "reversed": "đã đảo lại"}

Day = Annotated[str, typer.Option("--date", help="The first day on which it holds, YYYY-MM-DD.")]
Order = Annotated[str, typer.Option("--act", help="The document that orders it, e.g. 1687/NQ-UBTVQH15.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this the table alone is shown.")]
Sources = Annotated[list[str], typer.Argument(help="Ids, codes or names.")]


@units.command()
def find(
    text: Annotated[str, typer.Argument(help="Beginnings of words, with or without accents; old names too.")],
    tree: Annotated[str, typer.Option(help="territory, party or administration.")] = "",
    kind: Annotated[str, typer.Option(help="province, district, ward, commune, town or body.")] = "",
    day: Annotated[str, typer.Option(help="The units of that day, YYYY-MM-DD; today without it.")] = "",
    data: Data = DATA,
    gateway: Gateway = "",
    token: Token = "",
) -> None:
    """Find units by what they are called, or were called once."""
    asked = {"q": text, "tree": tree, "kind": kind, "at": day, "limit": "100"}
    query = urlencode({name: value for name, value in asked.items() if value})

    async def work() -> None:
        found = await Door(data, gateway, token).call("directory", "GET", f"/units?{query}")
        for unit in found["items"]:
            old = f"  (trước là {unit['matched']})" if unit["matched"] else ""
            typer.echo(f"{unit['id']:28} {unit['code']:10} {unit['kind']:9} {unit['name']}{old}")
        if not found["items"]:
            typer.echo("Không tìm thấy đơn vị nào.")

    run(work())


Target = Annotated[
    str, typer.Option("--into", help="The id of a unit that is there, or the new unit as `NAME` or `NAME=CODE`.")
]
Kind = Annotated[str, typer.Option(help="Of the new unit; as before without it.")]
Under = Annotated[str, typer.Option(help="Where the new unit belongs; as before without it.")]


@units.command()
def merge(
    sources: Sources,
    into: Target,
    date: Day,
    act: Order,
    kind: Kind = "",
    parent: Under = "",
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Let units go into one."""
    target = _target(into, kind, parent)
    _order(Door(data), {"kind": "merge", "date": date, "act": act, "into": target}, sources, yes=yes)


@units.command()
def split(
    source: Annotated[str, typer.Argument(help="Id, code or name.")],
    into: Annotated[list[str], typer.Option("--into", help="As for merge, twice or more; the first takes over.")],
    date: Day,
    act: Order,
    kind: Kind = "",
    parent: Under = "",
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Let a unit go into several. People and devices go to the first; devices with a point to where it lies."""
    targets = [_target(one, kind, parent) for one in into]
    _order(Door(data), {"kind": "split", "date": date, "act": act, "into": targets}, [source], yes=yes)


@units.command()
def rename(
    source: Annotated[str, typer.Argument(help="Id, code or name.")],
    name: Annotated[str, typer.Argument(help="The new name.")],
    date: Day,
    act: Order,
    code: Annotated[str, typer.Option(help="The new code; as before without it.")] = "",
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Give a unit another name from a day on."""
    target = {"name": name, **({"code": code} if code else {})}
    body = {"kind": "rename", "date": date, "act": act, "into": target}
    _order(Door(data), body, [source], yes=yes)


@units.command()
def move(
    sources: Sources,
    under: Annotated[str, typer.Option("--under", help="The new parent's id.")],
    date: Day,
    act: Order,
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Let units belong to another one."""
    _order(Door(data), {"kind": "move", "date": date, "act": act, "into": under}, sources, yes=yes)


@units.command()
def reverse(
    act_id: Annotated[str, typer.Argument(help="The act, as it was told when it was done.")],
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Take an act back: what it moved goes back, and nothing else."""
    door, path = Door(data), f"/acts/{quote(act_id)}/reverse"

    async def work() -> None:
        await _show(door, await door.call("directory", "POST", f"{path}?dry_run=true"))
        await _do(door, path, None, yes=yes)

    run(work())


@units.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="xlsx, csv, or a list as demo/units.json.")],
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Take up units from a spreadsheet or a list; each row is judged. The same file again changes nothing."""
    door, content = Door(data), file.read_bytes()

    async def work() -> None:
        query = "" if yes else "?dry_run=true"
        told = await door.call("directory", "POST", f"/units/import{query}", file=content)
        for row in told["rows"]:
            if row["outcome"] != "unchanged":
                typer.echo(f"dòng {row['row']:<5} {_OUTCOMES[row['outcome']]:10} {row['name']}  {row['detail']}")
        typer.echo(", ".join(f"{_OUTCOMES[name]}: {count}" for name, count in told["counts"].items()))
        if not yes:
            typer.echo("Chưa ghi gì. Thêm --yes để ghi.")

    run(work())


def _target(written: str, kind: str, parent: str) -> Any:
    if _ID.fullmatch(written):
        return written
    name, _, code = written.partition("=")
    made = {"name": name, "code": code, "kind": kind, "parent": parent}
    return {field: value for field, value in made.items() if value}


def _order(door: Door, body: dict[str, Any], sources: list[str], *, yes: bool) -> None:
    async def work() -> None:
        named = [await _resolved(door, source) for source in sources]
        whole = {**body, "from": named}
        await _show(door, await door.call("directory", "POST", "/acts?dry_run=true", whole))
        await _do(door, "/acts", whole, yes=yes)

    run(work())


async def _do(door: Door, path: str, body: Any, *, yes: bool) -> None:
    if not yes:
        typer.echo("Chưa làm gì. Thêm --yes để thực hiện.")
        return
    act = await door.call("directory", "POST", path, body)
    typer.secho(f"Quyết định {act['id']}: {_STATES.get(act['state'], act['state'])}.", fg=typer.colors.GREEN)


async def _resolved(door: Door, written: str) -> str:
    """A unit's id, by its id, its code or its name of today.

    Raises:
        Refused: there is none, or more than one.
    """
    if _ID.fullmatch(written) and not written.isdigit():
        return written
    found = await door.call("directory", "GET", f"/units?{urlencode({'q': written, 'limit': '20'})}")
    meant = [unit for unit in found["items"] if not unit["matched"]]
    exact = [unit for unit in meant if written in (unit["code"], unit["name"])] or meant
    if len(exact) != 1:
        several = ", ".join(f"{unit['id']} ({unit['name']})" for unit in exact[:5]) or "không có đơn vị nào"
        raise Refused(f"“{written}”: {several}. Xin ghi mã định danh của một đơn vị.")
    return str(exact[0]["id"])


async def _show(door: Door, told: dict[str, Any]) -> None:
    """What an act or its opposite does, as a table, with what of the other services follows."""
    typer.echo(f"{told['act']} - có hiệu lực từ {told['date']}")
    for one in told["units"]:
        into = f" {one['into']['name']} ({one['into']['id']})" if one["into"] else ""
        typer.echo(f"  {one['unit']['name']} ({one['unit']['id']}): {_WHAT[one['what']]}{into}")
    for one in told["people"]:
        typer.echo(f"  {one['name']} ({one['role']}): {one['unit']['name']} -> {one['into']['name']}")
    moved = [one["unit"]["id"] for one in told["units"] if one["what"] in ("ended", "void")]
    if not moved:
        return
    query = urlencode([("unit_id", unit_id) for unit_id in moved])
    counts: Counter[str] = Counter()
    for service in ("fleet", "broadcast", "signboard"):
        for unit in (await door.call(service, "GET", f"/counts?{query}"))["items"]:
            counts.update({name: count for name, count in unit.items() if name != "unit_id"})
    typer.echo(
        f"Đi theo: {len(told['people'])} phân công, {counts['radios']} cụm loa, {counts['boards']} bảng, "
        f"{counts['both']} thiết bị cả hai, {counts['grids']} khung giờ, {counts['sessions']} buổi phát, "
        f"{counts['entries']} mục trên bảng."
    )
