"""TikTok dance-music (Zhu et al. 2022, section 4.1 and appendix 3): 445 videos cut from 15 compilations, 85 songs, no genres, no tempi.

A clip is called ``COMPILATION_MUSIC_VIDEO``: six digits of the compilation, the number of its song, the number of the video. Keypoints are
[60, 75] per segment: 25 OpenPose joints x (x, y, confidence) at 30 fps. The split is by song.
"""

from __future__ import annotations

import re
from pathlib import Path

from dance2music.data.lists import About, files_by_stem, find_list, list_released, read_list, segment_of
from dance2music.data.manifest import SPLITS, VIDEO_SUFFIXES, Listing, Skip, Source, check_leaks
from dance2music.errors import InputError

_NAME = re.compile(r"(?P<compilation>\d{6})_(?P<music>\d+)_(?P<video>\d+)")


def song_of(name: str, *, where: str) -> str:
    """Song of a clip: ``tiktok7`` of ``000007_7_188``. Raises InputError if the name is of another kind."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"{where}: {name!r} is no TikTok clip; expected COMPILATION_MUSIC_VIDEO, as 000007_7_188; check the names")
    return f"tiktok{int(match['music'])}"


def list_tiktok(folder: Path, *, lists: Path | None = None) -> Listing:
    """Clips of the TikTok data: the released 2 s segments (`data.lists`), or videos as they were cut from the compilations.

    Of videos (``COMPILATION_MUSIC_VIDEO.mp4`` anywhere in the folder) the segments in the published lists are taken, with keypoints from
    ``keypoints/CLIP.npy`` [T, 75] or an OpenPose folder ``keypoints/CLIP`` of one JSON per frame, else by the embedded pose estimator.

    Raises
    ------
    InputError
        If there are no lists, one is broken, a name is of another kind, or a song is in two splits.
    """
    videos = files_by_stem(folder, VIDEO_SUFFIXES)
    if not videos:
        return list_released(folder, lists, data="tiktok", about=lambda name, where: About(song_of(name, where=where), None, None))
    sources: list[Source] = []
    skipped: list[Skip] = []
    for split in SPLITS:
        path = find_list(lists or folder, f"tiktok_audio_{split}_segment")
        if path is None:
            continue
        wanted: dict[str, list[int]] = {}
        for i, entry in enumerate(read_list(path), start=1):
            clip, k = segment_of(entry, where=f"{path} line {i}")
            wanted.setdefault(clip, []).append(k)
        for clip, ks in wanted.items():
            song = song_of(clip, where=str(path))
            if clip not in videos:
                skipped.append(Skip(clip, f"in the list, but its video is not in {folder}"))
                continue
            keypoints = [path for path in (folder / "keypoints" / f"{clip}.npy", folder / "keypoints" / clip) if path.exists()]
            video = videos[clip]
            sources.append(Source(clip, song, split, video, keypoints[0] if keypoints else None, video, segments=tuple(sorted(ks))))
    if not sources and not skipped:
        raise InputError(f"{lists or folder}: has no tiktok_audio_train_segment.txt; expected the published lists; give --lists FOLDER")
    check_leaks(sources, where=str(folder))
    return Listing(sources, skipped)
