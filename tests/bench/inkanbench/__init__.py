"""The parts of tests/bench/run, and what the other benches share with them."""
