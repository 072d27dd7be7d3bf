"""Pure array maths between decoding and the model."""
