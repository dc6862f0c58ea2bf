"""imagededup's perceptual hash on the same files, from an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.conftest import ROOT

PACKAGE = "imagededup"

# Its package imports its networks too, which need torchvision; empty modules take their place. What else
# it needs (numpy, Pillow, scipy, scikit-learn, PyWavelets, tqdm) comes from the environment of this project.
SCRIPT = """
import json, logging, random, sys, time, types
from pathlib import Path
for name, part in (("methods.cnn", "CNN"), ("utils.models", "CustomModel")):
    stub = sys.modules[f"imagededup.{name}"] = types.ModuleType(f"imagededup.{name}")
    setattr(stub, part, None)
from imagededup.methods import PHash
logging.disable(logging.CRITICAL)
folder, edits, distance, count = Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4])
hasher = PHash(verbose=False)
begin = time.perf_counter()
codes = hasher.encode_images(image_dir=str(folder), num_enc_workers=0)
encode_s = time.perf_counter() - begin
found = hasher.find_duplicates(encoding_map=codes, max_distance_threshold=distance, num_dist_workers=0)
stem = lambda name: Path(name).stem
near = {stem(name): {stem(other) for other in others} for name, others in found.items()}
originals = [name for name in near if "+" not in name]
edited = sorted({name.split("+")[0] for name in near if "+" in name})
shares = {edit: sum(f"{name}+{edit}" in near[name] for name in edited) / len(edited) for edit in edits}
rng = random.Random(0)
many = {str(i): f"{rng.getrandbits(64):016x}" for i in range(count)}
begin = time.perf_counter()
hasher.find_duplicates(encoding_map=many, max_distance_threshold=distance, num_dist_workers=0)
print(json.dumps({
    "distance": distance,
    "found": {edit: round(share, 4) for edit, share in shares.items()},
    "found_all": round(sum(shares.values()) / len(shares), 4),
    "false_pairs": sum(len([o for o in near[name] if "+" not in o]) for name in originals) // 2,
    "encode_ms": round(1000 * encode_s / len(codes), 2),
    "search_images": count,
    "search_seconds": round(time.perf_counter() - begin, 1),
}))
"""


def run_imagededup(
    files: Path, environment: Path, edits: list[str], *, distance: int = 10, count: int = 3_000
) -> dict[str, object]:
    """Found edits, false pairs and time of imagededup, or why it could not be had.

    Parameters
    ----------
    files
        ``NAME.jpg`` and ``NAME+EDIT.*`` of each edit.
    environment
        Folder to make the environment in.
    distance
        Of 64 bits; 10 is its default.
    count
        Random hashes to search; it takes time that grows with the square.
    """
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", environment], check=True, capture_output=True, text=True
        )
        python = environment / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", PACKAGE]
        subprocess.run(install, check=True, capture_output=True, text=True)
        done = subprocess.run(
            [python, "-c", SCRIPT, str(files), ",".join(edits), str(distance), str(count)],
            cwd=ROOT, env={"PYTHONPATH": sysconfig.get_paths()["purelib"]},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        return {"not_measured": f"imagededup does not run here: {(error.stderr or '').strip()[-300:]}"}
    return json.loads(done.stdout.splitlines()[-1])
