"""What the page of a listening test says. Scales: overall quality is the absolute category rating of ITU-T P.800."""

from __future__ import annotations

from typing import Any

from dance2music.listening.design import MAX_BEEPS

WELCOME = (
    "Thank you for taking part. You will hear short pieces of music, some with a video of a dance, and say what you think of them. "
    "There are no right answers: your own impression is what counts.",
    "Please use headphones or good loudspeakers in a quiet place, and set a comfortable volume with the first practice item. "
    "Then leave the volume as it is.",
    "Your answers stay in this browser until you save them as a file at the end. You can pause at any time and come back.",
)

BEEPS_RATED = (
    f"Now and then the music gives way to beeps, to see whether everything is heard. Then count the beeps, 1 to {MAX_BEEPS}, and choose "
    "that number, whatever else you think of the sample. One practice item is of this kind."
)
BEEPS_PAIR = (
    "Now and then one of the two samples has beeps in it, to see whether everything is heard. Then choose the sample with the beeps. "
    "One practice item is of this kind."
)

PART_TEXTS: dict[str, dict[str, Any]] = {
    "coherence": {
        "title": "Music and dance",
        "kind": "rating",
        "video": True,
        "question": "How well does the music go with the dance?",
        "introduction": (
            "You will see dances with different music. Judge how well the music goes with the moves of the dancer. "
            "Whether the sound is clean does not matter here.",
            BEEPS_RATED,
        ),
        "scale": ((1, "Not at all"), (2, "A little"), (3, "Fairly well"), (4, "Well"), (5, "Very well")),
    },
    "quality": {
        "title": "Quality of the music",
        "kind": "rating",
        "video": False,
        "question": "How good is this music, overall?",
        "introduction": (
            "You will hear music without a picture. Judge its overall quality: how it sounds and how good it is as music.",
            BEEPS_RATED,
        ),
        "scale": ((1, "Bad"), (2, "Poor"), (3, "Fair"), (4, "Good"), (5, "Excellent")),
    },
    "preference": {
        "title": "Two kinds of music for one dance",
        "kind": "pair",
        "video": True,
        "question": "Which music follows the dance better?",
        "introduction": (
            "You will see the same dance twice, with different music. Choose the music that follows the dance better. "
            "If you cannot decide, follow your first impression.",
            BEEPS_PAIR,
        ),
        "scale": (("A", "Sample A"), ("B", "Sample B")),
    },
}

OWN_WELCOME = (
    "You hear your takes two at a time, without knowing which is which, and choose the one that follows the dance better. "
    "At the end you see how often you chose each.",
)
"""What the one who made the music reads before the first pair: it is not introduced further."""
OWN_PART: dict[str, Any] = {
    "title": "Which take follows the dance better?",
    "introduction": (),
    "question": "Which follows the dance better?",
    "scale": [{"value": "A", "label": "Take A"}, {"value": "B", "label": "Take B"}],
}
"""What of the part 'preference' is other where the listener made the music."""

REFERENCE_SHOWN = "Beside each item you can play the dance with its original music, for reference. It need not be the best."

PRACTICE = "Set your volume now. Answers to practice items do not count."
PRACTICE_BEEPS_RATED = "There are beeps in this one. Count them and choose their number."
PRACTICE_BEEPS_PAIR = "One of these has beeps in it. Choose that one."
