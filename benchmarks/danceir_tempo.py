"""The tempo of a dance by danceir 1.0.0 (PyPI, MIT), with the settings of its own example: a row of the tempo tables.

    python3.11 -m venv FOLDER && FOLDER/bin/pip install danceir "numpy<2"
    python benchmarks/bench_true_beats.py --danceir FOLDER/bin/python

It needs an environment of its own: its tempogram uses a name that numpy 2 took away, and it does not say so. `tempi_bpm` writes the dances,
runs this very file with that interpreter, and reads the tempi; run so, the file needs nothing but danceir and numpy.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

FPS = 60.0
"""What danceir's smoothing, in frames, is set for."""


def tempi_bpm(motions, python):  # type: ignore[no-untyped-def]
    """Tempi, None where danceir gives none, of a sequence of `Motion` by the interpreter ``python`` that has danceir."""
    import numpy as np

    from dance2music.dance.kinematics import resample
    from dance2music.dance.skeleton import convert

    arrays = {}
    for number, motion in enumerate(motions):
        joints = convert(resample(motion, FPS), "coco-17").joints[..., :2]
        arrays[f"dance{number:05d}"] = joints * np.array([1.0, -1.0], np.float32)  # pictures count y downwards
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "dances.npz", **arrays)
        done = subprocess.run([str(python), __file__, str(Path(folder) / "dances.npz")], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    import numpy as np
    from danceir.pipelines import estimate_tempo_from_keypoints

    found = []
    with np.load(sys.argv[1]) as dances:
        for name in sorted(dances.files):
            try:
                result = estimate_tempo_from_keypoints(dances[name].astype(float), axis="y", use_com=True, fps=FPS)
                found.append(float(result["combined_anchors"]["gtempo"]))
            except (IndexError, TypeError, ValueError) as error:  # short dances, no anchors
                print(f"{name}: {error!r}", file=sys.stderr)
                found.append(None)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
