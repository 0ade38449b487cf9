"""The synthetic hospital that the demonstration shows: 演示数据, no real person and no real hospital."""
