"""A model leaves mmdx: as ONNX and as torch's program, with what a feeder must know; imports inference and below."""
