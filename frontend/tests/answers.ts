/** Answers to test with: a video with two faces, of which only the first is seen at every instant. */

import type { Answer, FaceFacts, FrameFacts, TrackFacts } from "../src/api/types";

export function face(track: number, probability: number): FaceFacts {
  return {
    track,
    box: [10, 10, 20, 20],
    region: [8, 8, 24, 24],
    fake_probability: probability,
    logit: 0,
    view_logits: null,
    logit_map: [
      [-1, 0],
      [1, 9],
    ],
  };
}

export function frame(time: number, ...faces: FaceFacts[]): FrameFacts {
  const addresses = { annotated_url: `/static/a${time}.jpg`, plain_url: `/static/p${time}.jpg` };
  return { time, width: 640, height: 480, ...addresses, faces };
}

export function track(number: number, probability: number): TrackFacts {
  return {
    number,
    first_time: 0,
    last_time: 2,
    instants: 3,
    fake_probability: probability,
    logit: 0,
    judged: true,
    flicker: null,
  };
}

const RATE = { value: 0.107, low: 0, high: 0.278, files: 28 };

export function answer(probability: number, changes: Partial<Answer["details"]> = {}): Answer {
  return {
    status: "success",
    prediction: probability >= 0.5 ? "Fake" : "Real",
    confidence: Math.max(probability, 1 - probability),
    frames: ["a0.jpg", "a1.jpg", "a2.jpg"],
    anomalies: [],
    details: {
      id: "0".repeat(32),
      sha256: "a".repeat(64),
      verdict: probability >= 0.5 ? "fake" : "real",
      strength: "moderate",
      headline: "Moderate evidence of manipulation",
      reason: "Face 1 scores as fake at 2 of 3 instants.",
      basis: "face_video",
      fake_probability: probability,
      media: {
        kind: "video",
        container: "mp4",
        codec: "h264",
        width: 320,
        height: 240,
        rotation: 0,
        duration: 2.5,
        frames_per_second: 25,
        bits_per_pixel: 0.1234,
        editor: null,
        generator: null,
        credentials: null,
      },
      coverage: { instants_examined: 3, frames_examined: 4, faces_judged: 5, not_examined: ["sound"] },
      tracks: [track(1, probability), track(2, 0.1)],
      frames: [frame(0, face(1, 0.8)), frame(1, face(1, 0.9), face(2, 0.1)), frame(2, face(1, 0.4))],
      anomalies: [],
      model: {
        version: "1",
        sha256: "b".repeat(64),
        calibrated: true,
        prior: { face_video: 0.4 },
        error_rates: {},
        threshold: 0,
        inconclusive: [0.3, 0.7],
        meaning: {
          real_called_fake: RATE,
          fake_called_real: RATE,
          fake_right_of_fakes: [
            { share_of_fakes: 0.5, right: 0.89 },
            { share_of_fakes: 0.01, right: 0.08 },
          ],
        },
      },
      settings: { instants: 3, faces_per_frame: 8, crop_margin: 0.95, detector_threshold: 0.7, precision: "auto" },
      timing_ms: {},
      expires_at: null,
      ...changes,
    },
  };
}

export const SERVICE = {
  status: "ok" as const,
  service: "deepfake-detector",
  version: "0.1.0",
  model: null,
  limits: {
    upload_bytes: 1000,
    extensions: ["jpg", "mp4"],
    picture_pixels: 1,
    picture_side: 1,
    retention_seconds: 3600,
  },
};

/** With common spaces, as tests are written, between numbers and their units. */
export function plain(text: string): string {
  return text.replaceAll("\u00a0", " ");
}
