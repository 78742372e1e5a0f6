"""The verifier that goes with every kit, in five chapters. They know the standard library and each other, nothing else.

`kit.verifier` binds them into one file: what stands in a chapter below its line of dashes, in the order of CHAPTERS.
They are written for Python 3.8, which is what a hospital's finance office may still have.
"""
