"""The whole system on servers as a careful company runs them, lost part by part: ``make drill WHOLE=1``.

Kafka (TLS, logins, ACLs), Redis behind Sentinels (TLS, ACLs), Apicurio, ClickHouse behind a TLS front, live with a
standby, history, two gateways, Prometheus and Jaeger come up on this machine. Trades go to clients all the while. One
is traced, parts are killed and brought back, and at the end ``tapeflow verify`` must be clean, Redis equal the oracle,
and no client have seen a gap. Each step is a line with its seconds; code 1 and what went wrong when one failed.
"""

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from schemas.errors import TapeflowError
from tests.drill.whole.steps import STEPS
from tests.drill.whole.system import System
from tests.servers import jaeger
from tests.servers.kafka import jars
from tests.servers.needs import require
from tests.servers.prometheus import program

__all__ = ["main"]

OPTIONAL: Final = [step.name for step in STEPS if step.may_be_left_out]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drill.whole", description=__doc__)
    parser.add_argument("--without", action="append", default=[], choices=OPTIONAL, help="may be given again")
    parser.add_argument("--pictures", action="store_true", help="of pages, into build/pictures; wants chromium")
    options = parser.parse_args()
    require("drill", jars, "redis-server", jaeger.binary, partial(program, "prometheus"))
    steps = [step for step in STEPS if step.name not in options.without]
    began_s = time.monotonic()
    parent = Path(".cache/drill").absolute()
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    with ExitStack() as exits:
        system = System(folder, exits, has_pictures=options.pictures)
        for number, step in enumerate(steps, 1):
            since_s = time.monotonic()
            try:
                said = step.do(system)
            except (AssertionError, TimeoutError, TapeflowError) as error:
                print(f"FAILED {step.what}: {error}\ndata and logs are kept in {folder}")
                return 1
            now_s = time.monotonic()
            print(f"{number:2}/{len(steps)} {now_s - since_s:6.1f} s  {step.what}", flush=True)
            if said:
                print(f"                {said}", flush=True)
    shutil.rmtree(folder)
    left_out = f", without {', '.join(options.without)}" if options.without else ""
    print(f"{time.monotonic() - began_s:6.1f} s in all{left_out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
