"""Pictures of a dance for the page: a poster, and a preview where browsers cannot play the video itself."""

from __future__ import annotations

from pathlib import Path

from dance2music.errors import InputError
from dance2music.video.container import VideoInfo

PLAYABLE = {"h264", "vp8", "vp9", "av1"}
PLAYABLE_SUFFIXES = {".mp4", ".mov", ".webm"}
PLAYABLE_FORMATS = {"yuv420p", "yuvj420p"}
POSTER_SIDE, PREVIEW_SIDE = 480, 960
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
"""FFmpeg's readers that may see an upload: those of files that hold a video, none that follow names in a file to other files."""


def check_demuxer(path: Path) -> None:
    """Refuse a file that none of `DEMUXERS` reads, before anything else opens it: raises InputError."""
    import av

    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", metadata_errors="surrogateescape", container_options=options):
            pass
    except (av.FFmpegError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as a video; expected mp4, mov, mkv, webm or avi; if it is truncated or was still being copied, "
            "drop it in again"
        ) from error


def browser_plays(info: VideoInfo) -> bool:
    """Whether every browser plays the video as it is, from a clock that begins at 0."""
    kind = info.codec in PLAYABLE and info.pixel_format in PLAYABLE_FORMATS and info.path.suffix in PLAYABLE_SUFFIXES
    return kind and abs(info.start_seconds) < 1e-3


def poster(info: VideoInfo, path: Path) -> None:
    """A small picture from the video's first second."""
    from PIL import Image

    from dance2music.video.frames import read_frames

    image = next(read_frames(info, fps=2.0, longest_side=POSTER_SIDE, threads=1)).image
    Image.fromarray(image).save(path, format="JPEG", quality=85)


def preview(info: VideoInfo, path: Path) -> None:
    """Write the video as small H.264 without sound, for the page."""
    from dance2music.listening.media import write_pictures

    write_pictures(info.path, path, seconds=info.duration_seconds, longest_side=PREVIEW_SIDE)
