"""``python -m core.generate``: one drawing to one photo, for scripts and for trying things out.

Prints exactly one JSON line on stdout. Bad input ends with one sentence on stderr, exit code 2, and no file.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path

import numpy as np

from core.cli import fail
from core.conversion.settings import HAIR_TONES, SKIN_TONES, ConversionSettings, PartSettings
from core.errors import AssetMissing, UnsafeImage
from core.sketch_input import Sketch

USUAL = ConversionSettings()


def read_sketch(path: Path) -> Sketch:
    """A picture file as a sketch.

    Returns
    -------
    (H, W) uint8
        Its brightness; transparency is white paper.

    Raises
    ------
    UnsafeImage
        If the file is no picture that can be read safely.
    OSError
        If there is no such file, or it may not be read.
    """
    from core.images import read_photo

    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601 luma, as Pillow's mode L
    return (read_photo(path) @ weights + 0.5).astype(np.uint8)


def generated_by(model: str) -> dict[str, str]:
    """PNG text that says that a picture is generated, and by which model.

    ``DigitalSourceType`` carries the IPTC term for media made by a trained algorithm.
    """
    return {
        "Software": "Sketch2Face Studio",
        "Description": "Generated face; this person does not exist.",
        "Model": model,
        "DigitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    }


def part_settings(text: str) -> tuple[str, PartSettings]:
    """``mouth:0.2:10`` as the name of a part with its t and k.

    Raises
    ------
    ValueError
        If the text has another form; whether name and numbers are valid is the pipeline's to say.
    """
    name, *numbers = text.split(":")
    try:
        t, k = numbers
        return name, PartSettings(float(t), int(k))
    except ValueError:
        raise ValueError(f"--part takes NAME:t:k, for instance mouth:0.2:10, got {text!r}.") from None


def part_seed(text: str) -> tuple[str, int]:
    """``nose:7`` as the name of a part with a seed.

    Raises
    ------
    ValueError
        If the text has another form.
    """
    name, _, seed = text.partition(":")
    if not seed.isdecimal():
        raise ValueError(f"--fill takes NAME:SEED, for instance nose:7, got {text!r}.")
    return name, int(seed)


def generate(arguments: argparse.Namespace) -> dict[str, object]:
    """Read the drawing, run the pipeline, write the pictures, and say what happened.

    Raises
    ------
    ValueError, OSError, AssetMissing
        If anything is wrong with the input; nothing has been written then.
    """
    from core.atomic_files import write_atomically
    from core.images import encode_png
    from core.pipeline import SketchToFacePipeline

    parts = dict(part_settings(text) for text in arguments.part or ())
    fill = dict(part_seed(text) for text in arguments.fill or ())
    targets = [path for path in (arguments.out, arguments.refined) if path is not None]
    for path in targets:
        if not path.absolute().parent.is_dir():
            raise ValueError(f"The folder of {path} does not exist. Make it first.")
        if path.is_dir():
            raise ValueError(f"{path} is a folder. Name a PNG file.")
    if len({path.absolute() for path in targets}) < len(targets):
        raise ValueError("--out and --refined must be two different files.")
    sketch = read_sketch(arguments.sketch)

    start = time.perf_counter()
    pipeline = SketchToFacePipeline.load(
        arguments.weights, device=arguments.device, runtime=arguments.runtime, generator=arguments.generator,
        upscale=not arguments.no_upscale,
    )  # fmt: skip
    load_ms = 1000 * (time.perf_counter() - start)
    result = pipeline(
        sketch,
        t=arguments.t,
        k=arguments.k,
        mode=arguments.mode,
        stage1=arguments.stage1,
        parts=parts,
        fill=fill,
        person=arguments.person,
        skin=arguments.skin,
        hair=arguments.hair,
    )
    if result.photo is None or result.refined_sketch is None:
        raise ValueError(
            f"{arguments.sketch} is blank: it shows no dark lines on white. Draw something first."
        )

    text = generated_by(result.generator)
    pictures = [(arguments.out, encode_png(result.photo, text))]
    if arguments.refined is not None:
        pictures.append((arguments.refined, encode_png(result.refined_sketch, text)))
    for path, data in pictures:
        write_atomically(path, data)
    return {
        "out": str(arguments.out),
        "refined": None if arguments.refined is None else str(arguments.refined),
        "t": result.t,
        "k": result.k,
        "mode": result.mode,
        "stage1": result.stage1,
        "parts": [
            {
                "name": part.name,
                "t": part.t,
                "k": part.k,
                "is_drawn": part.is_drawn,
                "is_filled": part.is_filled,
                "confidence": part.confidence,
                "neighbours": [neighbour.name for neighbour in part.neighbours],
            }
            for part in result.parts
        ],
        "person": result.person,
        "skin": result.skin,
        "hair": result.hair,
        "generator": result.generator,
        "confidence": result.confidence,
        "neighbours": [neighbour.name for neighbour in result.neighbours],
        "runtimes": pipeline.runtimes,
        "timings_ms": {step: round(value, 2) for step, value in result.timings.items()},
        "load_ms": round(load_ms, 1),
    }


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m core.generate", description="Turn a drawing into a face."
    )
    parser.add_argument("--sketch", type=Path, required=True, help="picture of dark lines on white, any size")
    parser.add_argument("--out", type=Path, required=True, help="PNG file for the photo")
    parser.add_argument("--refined", type=Path, help="PNG file for the refined sketch")
    parser.add_argument("--t", type=float, default=USUAL.t, help="1 keeps my lines, 0 is fully projected")
    parser.add_argument("--k", type=int, default=USUAL.k, help="training faces to lean on, 1 to 20")
    parser.add_argument("--mode", default=USUAL.mode, help="hybrid (face only), whole or none")
    parser.add_argument(
        "--stage1", default=USUAL.stage1, help="whole, or parts: eyes, nose, mouth, rest by themselves"
    )
    parser.add_argument(
        "--part", action="append", metavar="NAME:t:k",
        help="by parts, settings of one (remainder, mouth, nose, eye_left, eye_right); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--fill", action="append", metavar="NAME:SEED",
        help="by parts, take this one from its bank if it is not drawn; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--person",
        type=int,
        metavar="N",
        help="lean on this training face and those like it, whatever is drawn",
    )
    parser.add_argument("--skin", help=f"tone of the skin: {', '.join(SKIN_TONES)}; default: as painted")
    parser.add_argument("--hair", help=f"tone of the hair: {', '.join(HAIR_TONES)}; default: as painted")
    parser.add_argument("--generator", default=USUAL.generator, help="name of a file in the weights folder")
    parser.add_argument(
        "--no-upscale", action="store_true", help="keep the generator's own size instead of doubling it"
    )
    parser.add_argument("--device", help="auto, cpu, mps, cuda or cuda:N; default: STUDIO_DEVICE")
    parser.add_argument("--runtime", help="auto, openvino or torch; default: STUDIO_RUNTIME")
    parser.add_argument("--weights", type=Path, help="weights folder; default: STUDIO_WEIGHTS")
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s")
    try:
        from core.config import settings

        chosen = settings()
        parsed.device = parsed.device or chosen.device
        parsed.runtime = parsed.runtime or chosen.runtime
        parsed.weights = parsed.weights or chosen.weights
        report = generate(parsed)
    except FileNotFoundError as error:
        return fail(f"{error.filename} does not exist.")
    except (AssetMissing, UnsafeImage, ValueError, OSError) as error:
        return fail(error)
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
