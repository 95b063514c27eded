.PHONY: check test bench docs

check:
	ruff check .
	ruff format --check .
	pyright

test:
	pytest

docs:
	sphinx-build -W -c docs/site . build/site

bench:
	python scripts/benchmark.py
