"""tapeflow's own bars, and the stock Bytewax flow, as peers: cases of bench.cases that speak the peers' protocol.

``python -m bench.peers.ours bars|stock`` is started by the harness with ``PEER_*`` set. tapeflow makes bars of all
seven intervals, and hands out those that the end of the tape closes; how many trades its state took is counted there.
"""

import json
import os
import sys
from typing import Any

from bench.cases import CASES
from bench.peers.marks import MARKS
from runtime.settings.whole import load_settings


def main() -> None:
    trades = int(os.environ["PEER_TRADES"])
    settings = load_settings(
        kafka_bootstrap=os.environ["PEER_BOOTSTRAP"],
        kafka_topic=os.environ["PEER_TOPIC"],
        out_of_order_ms=int(os.environ["PEER_OUT_OF_ORDER_MS"]),
        log_level="error",
    )
    options: dict[str, Any] = {"records": trades, "tell_every": trades // MARKS}
    answer = CASES[sys.argv[1]](settings, options)
    bars = answer["final_bars" if sys.argv[1] == "bars" else "bars"]
    print(json.dumps({"trades_in_bars": [int(answer["applied"])], "bars": int(bars)}), flush=True)


if __name__ == "__main__":
    main()
