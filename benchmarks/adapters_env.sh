#!/usr/bin/env bash
# An environment for the peer `adapters`, which needs an older transformers: benchmarks/adapters_env.sh [FOLDER]
# Without FOLDER it is made where the benchmarks look for it; another one is named to them by --adapters-python.
set -euo pipefail
folder=${1:-"$(dirname "$0")/../_runs/adapters-env"}
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/python" -m pip install -q --disable-pip-version-check \
  torch==2.13.0 adapters==1.3.0 transformers==4.57.6 accelerate==1.15.0
echo "$folder/bin/python"
