.PHONY: check test bench

check:
	ruff check .
	ruff format --check .
	pyright

test:
	pytest

bench:
	python scripts/benchmark.py
