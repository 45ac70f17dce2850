"""Spatial-temporal graph convolution over a skeleton (Yan et al. 2018, ST-GCN), as Foley Music's encoder uses it."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor, nn

from dance2music.dance.skeleton import skeleton

CENTRES = {"coco-17": "nose", "openpose-18": "neck", "body-25": "neck", "holistic-83": "nose"}
"""Joint that "nearer" and "farther" refer to; COCO has no neck."""
_COCO_EDGES = (
    ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"), ("left_ear", "left_shoulder"),
    ("right_ear", "right_shoulder"), ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"), ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
    ("left_hip", "right_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
)  # fmt: skip

_SIDED = (
    ("neck", "shoulder"), ("shoulder", "elbow"), ("elbow", "wrist"), ("pelvis", "hip"), ("hip", "knee"), ("knee", "ankle"), ("nose", "eye"),
    ("eye", "ear"), ("ankle", "big_toe"), ("big_toe", "small_toe"), ("ankle", "heel"),
)  # fmt: skip
_BODY25_EDGES = (
    ("neck", "pelvis"), ("neck", "nose"),
    *((a if a in ("neck", "pelvis", "nose") else f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in _SIDED),
)  # fmt: skip
_EDGES = {"coco-17": _COCO_EDGES, "body-25": _BODY25_EDGES}


def edges_of(name: str) -> list[tuple[int, int]]:
    """Links between the joints of a skeleton: the usual ones for COCO (ears to shoulders) and BODY-25, else its bones."""
    joints = skeleton(name)
    return [(joints.index(a), joints.index(b)) for a, b in _EDGES[name]] if name in _EDGES else list(joints.bones)


def partitions(n_joints: int, edges: list[tuple[int, int]], centre: int, *, true_distance: bool = True) -> Tensor:
    """Three adjacency matrices [3, V, V], entry (k, j, i) from joint j to joint i; the columns of their sum add to 1.

    Self links; neighbours as far from the centre as the target or farther; neighbours nearer to it. With ``true_distance=False`` distances
    beyond one hop are infinite, as in Foley Music's code: then most pairs count as equally far, and the third part is nearly empty.
    """
    near: list[set[int]] = [set() for _ in range(n_joints)]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    distance = [float("inf")] * n_joints
    distance[centre] = 0.0
    queue = deque([centre])
    while queue:
        joint = queue.popleft()
        for other in near[joint]:
            if distance[other] == float("inf") and (true_distance or distance[joint] < 1):
                distance[other] = distance[joint] + 1
                queue.append(other)
    result = torch.zeros(3, n_joints, n_joints)
    for i in range(n_joints):
        share = 1.0 / (1 + len(near[i]))
        result[0, i, i] = share
        for j in near[i]:
            result[1 if distance[j] >= distance[i] else 2, j, i] = share
    return result


class GraphBlock(nn.Module):
    """Graph convolution with learned edge weights, then a convolution over nine frames, with a residual: [B, C, T, V] -> [B, C', T', V]."""

    def __init__(self, channels_in: int, channels: int, adjacency: Tensor, *, stride: int, residual: bool, dropout: float) -> None:
        super().__init__()
        self.register_buffer("adjacency", adjacency, persistent=False)
        self.importance = nn.Parameter(torch.ones_like(adjacency))
        self.spread = nn.Conv2d(channels_in, len(adjacency) * channels, 1)
        self.temporal = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, (9, 1), (stride, 1), (4, 0)), nn.BatchNorm2d(channels),
            nn.Dropout(dropout),
        )  # fmt: skip
        self.shortcut: nn.Module | None = None
        if residual:
            same = stride == 1 and channels_in == channels
            self.shortcut = (
                nn.Identity() if same else nn.Sequential(nn.Conv2d(channels_in, channels, 1, (stride, 1)), nn.BatchNorm2d(channels))
            )

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, T, V] -> [B, C', T / stride, V]."""
        adjacency = self.get_buffer("adjacency") * self.importance
        B, _, T, V = x.shape
        y = torch.einsum("bkctv,kvw->bctw", self.spread(x).view(B, len(adjacency), -1, T, V), adjacency)
        y = self.temporal(y)
        return torch.relu(y if self.shortcut is None else y + self.shortcut(x))


class SkeletonEncoder(nn.Module):
    """Joints [B, C, T, V] -> memory [B, T', D]: graph blocks, mean over the joints, a linear map."""

    def __init__(
        self,
        name: str,
        *,
        channels_in: int,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        out: int,
        dropout: float,
        true_distance: bool,
    ) -> None:
        super().__init__()
        assert len(channels) == len(strides)
        joints = skeleton(name)
        V = len(joints.joints)
        adjacency = partitions(V, edges_of(name), joints.index(CENTRES[name]), true_distance=true_distance)
        self.norm = nn.BatchNorm1d(V * channels_in)
        widths = (channels_in, *channels)
        self.blocks = nn.ModuleList(
            GraphBlock(widths[i], widths[i + 1], adjacency, stride=stride, residual=i > 0, dropout=dropout)
            for i, stride in enumerate(strides)
        )
        self.out = nn.Linear(channels[-1], out)

    def forward(self, joints: Tensor) -> Tensor:
        """joints [B, T, V, C] -> [B, T', D]."""
        B, T, V, C = joints.shape
        x = self.norm(joints.permute(0, 2, 3, 1).reshape(B, V * C, T)).view(B, V, C, T).permute(0, 2, 3, 1)
        for block in self.blocks:
            x = block(x)
        return self.out(x.mean(dim=-1).transpose(1, 2))
