"""The training of `test_two_processes_train_as_one`: every process runs this, the first prints the result."""

import dataclasses
import json
import os
import sys
from pathlib import Path

from test_train import COMMON, ready, rows

from pelt_core.train import fit

result = fit(ready("lora@q,v"), rows(16), **COMMON, workdir=Path(sys.argv[1]))
if os.environ["RANK"] == "0":
    print(json.dumps(dataclasses.asdict(result)))
