"""``tapeflow dead-letters list | show | requeue``: what was refused, why, and back onto its topic after a fix.

list and show write nothing. requeue puts a record back at most once, and says what it left and why.
"""

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from jobs.progress import shown_progress
from schemas.errors import InputError, SettingError
from schemas.rejects import Reason
from tapeflow.commands.entry import JsonOption, people
from tapeflow.commands.kind import KIND_HELP, TRADES, desk_kind, enter_kind

if TYPE_CHECKING:
    from jobs.letters.kafka_topic import Letter
    from jobs.letters.letters import Wanted

__all__ = ["dead_letters"]

dead_letters = typer.Typer(
    name="dead-letters", help="List, show and put back refused records.", no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

ORIGIN: Final = re.compile("([0-9]{1,19}):([0-9]{1,19})")
WHOLE_ORIGIN: Final = re.compile("[A-Za-z0-9._-]+/[0-9]+/[0-9]+")
"""Topic, partition and offset, as the list shows them."""

Start = Annotated[
    str, typer.Option("--from", help="earliest, an ISO time (of the refusal), or offsets of the dead-letter topic.")
]
End = Annotated[str, typer.Option("--to", help="latest, an ISO time, or offsets; exclusive.")]
Reasons = Annotated[str, typer.Option("--reason", help="Only these, with commas, such as corrupt,future-time.")]
Origins = Annotated[str, typer.Option("--offset", help="Only these records, PARTITION:OFFSET of the source, commas.")]
Topic = Annotated[str | None, typer.Option(help="Source topic instead of the setting's.")]
KindOption = Annotated[str, typer.Option("--kind", help=KIND_HELP)]


def wanted(start: str, end: str, reasons: str, origins: str) -> "Wanted":
    """The choice that every verb here takes."""
    from jobs.letters.letters import Wanted

    chosen = frozenset(part.strip() for part in reasons.split(",") if part.strip())
    known = {reason.label for reason in Reason if reason}
    if chosen - known:
        raise SettingError(
            f"{', '.join(sorted(chosen - known))} is no reason", where="--reason", mend=", ".join(sorted(known))
        )
    places = origins.strip(", ").split(",") if origins else []
    return Wanted(start, end, chosen, frozenset(parse_origin(place, "--offset") for place in places))


def parse_origin(text: str, where: str) -> str:
    """The place of a refused record as letters are told by it. Raises SettingError for any other text: it would find
    nothing, which looks as if there were nothing to find."""
    if found := ORIGIN.fullmatch(text.strip()):
        return f"{int(found[1])}:{int(found[2])}"
    if WHOLE_ORIGIN.fullmatch(text.strip()):
        return text.strip()
    raise SettingError(f"{text!r} is no place of a record", where=where, mend="say PARTITION:OFFSET, such as 3:1500")


@dead_letters.command("list")
def list_letters(
    start: Start = "earliest",
    end: End = "latest",
    reasons: Reasons = "",
    origins: Origins = "",
    topic: Topic = None,
    kind: KindOption = TRADES,
    most: Annotated[int, typer.Option("--limit", min=1, help="Newest letters to list; all are counted.")] = 50,
    as_json: JsonOption = False,
) -> int:
    """Count letters by reason and list the newest.

    Examples: tapeflow dead-letters list --reason corrupt --from 2026-01-31 or tapeflow dead-letters list --kind routing
    """
    from jobs.letters.letters import Letters

    settings, found, counts = enter_kind(desk_kind(kind), topic), [], Counter[str]()
    with shown_progress(people(), "reading", "letters") as progress:
        letters = Letters(settings, progress.update)
        put_back = letters.requeued()
        for letter in letters.find(wanted(start, end, reasons, origins)):
            counts[letter.reason] += 1
            found.append(letter)
            if len(found) > 2 * most:
                del found[:-most]
    found = found[-most:]
    if as_json:
        rows = [as_plain(letter, letter.origin in put_back) for letter in found]
        typer.echo(json.dumps({"counts": counts, "letters": rows}))
        return 0
    table = Table("record", "reason", "detail", "refused at", "by", "bytes", "put back")
    for letter in found:
        table.add_row(
            letter.origin, letter.reason, letter.detail, letter.time, letter.flow, str(len(letter.value or b"")),
            "yes" if letter.origin in put_back else "",
        )  # fmt: skip
    Console(width=None if Console().is_terminal else 160).print(table)
    said = ", ".join(f"{count} {reason}" for reason, count in counts.most_common()) or "no letters"
    typer.echo(f"{sum(counts.values())} letters: {said}")
    return 0


@dead_letters.command("show")
def show_letter(
    record: Annotated[str, typer.Argument(help="PARTITION:OFFSET of the source topic, as list shows it.")],
    topic: Topic = None,
    kind: KindOption = TRADES,
    as_json: JsonOption = False,
) -> int:
    """Show one letter whole: its headers, its bytes, and whether it would be taken now.

    Example: tapeflow dead-letters show 3:1500
    """
    from jobs.letters.letters import Letters, Wanted, judge_letters

    chosen = desk_kind(kind)
    settings = enter_kind(chosen, topic)
    place, letters = parse_origin(record, "record"), Letters(settings)
    letter = next(letters.find(Wanted(origins=frozenset([place]))), None)
    if letter is None:
        raise InputError(f"no letter of record {place}", where=settings.dead_letter_topic, mend="see list")
    plain = as_plain(letter, letter.origin in letters.requeued())
    plain["now"] = judge_letters(settings, chosen)(letter) or "would be taken"
    if as_json:
        typer.echo(json.dumps(plain))
    else:
        width = max(map(len, plain))
        for name, value in plain.items():
            typer.echo(f"{name:{width}}  {value}")
    return 0


@dead_letters.command("requeue")
def requeue(
    start: Start = "earliest",
    end: End = "latest",
    reasons: Reasons = "",
    origins: Origins = "",
    topic: Topic = None,
    kind: KindOption = TRADES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be put back.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what the present settings would refuse again.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Put records back onto the partition that they came from, each at most once, with its origin in a header.

    Run it with the settings after the fix, when live and history have passed the letters: what starts from then on
    refuses the originals as requeued. What was refused long ago is late now: replay folds it into its bars, where the
    range holds the copies, as --to latest does.

    Examples: tapeflow dead-letters requeue --dry-run or tapeflow dead-letters requeue --reason missing-field
    """
    from jobs.letters.letters import Letters, judge_letters

    chosen = desk_kind(kind)
    settings = enter_kind(chosen, topic)
    with shown_progress(people(), "reading", "letters") as progress:
        judge = None if force else judge_letters(settings, chosen)
        done = Letters(settings, progress.update).requeue(
            wanted(start, end, reasons, origins), dry_run=dry_run, judge=judge
        )
    if as_json:
        plain = {"put_back": done.put_back, "already": done.already, "cut": done.cut, "refused": done.refused}
        typer.echo(json.dumps({**plain, "dry_run": dry_run}))
    else:
        typer.echo(str(done))
        if dry_run:
            people().print("dry run: nothing was written")
    return 0


def as_plain(letter: "Letter", put_back: bool) -> dict[str, Any]:
    """A letter for JSON: bytes as text where they are text, else as hex."""
    fields = letter._asdict()
    for name in ("key", "value"):
        fields[name] = as_text(fields[name])
    return {"record": letter.origin, **fields, "put_back": put_back}


def as_text(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "0x" + data.hex()
    return text if text.isprintable() else "0x" + data.hex()
