"""A page in the browser, on loopback: a model is asked with a report and without; imports api, engine and below."""
