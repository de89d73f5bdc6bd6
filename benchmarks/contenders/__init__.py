"""What runs in the processes that are compared; `peer_*` and `turns` also in an environment without `pelt_core`."""
