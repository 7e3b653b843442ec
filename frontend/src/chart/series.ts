import type { FrameFacts, TrackFacts } from "../api/types";

/** The scores of one face at the examined instants; null where it was not seen. */
export interface Series {
  track: TrackFacts;
  scores: (number | null)[];
}

/** A series for each track, over the times of the frames. */
export function seriesOf(frames: readonly FrameFacts[], tracks: readonly TrackFacts[]): Series[] {
  return tracks.map((track) => ({
    track,
    scores: frames.map((frame) => frame.faces.find((face) => face.track === track.number)?.fake_probability ?? null),
  }));
}
