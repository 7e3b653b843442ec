/** The camera, and pictures of it. */

import { Failure } from "../api/failure";

const LONGEST_SIDE = 960; // pixels that are sent: enough for a face before a camera
const JPEG_QUALITY = 0.9;

const TROUBLES: Record<string, string> = {
  NotAllowedError: "The browser was not allowed to use the camera. Allow it beside the address of this page.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera is in use by another program.",
};

/** Switch the camera on. Throws a `Failure` that says why it stays off. */
export async function openCamera(): Promise<MediaStream> {
  // Typed as always there, but it is only in secure contexts.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices) {
    throw new Failure(
      "no_camera",
      "Browsers give the camera only to pages of this machine, or to those sent over TLS.",
    );
  }
  try {
    return await devices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "user" }, audio: false });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new Failure("no_camera", TROUBLES[name] ?? "The camera could not be switched on.");
  }
}

/** Switch it off, with its light. */
export function closeCamera(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

/** What the camera sees now, as a JPEG; null before it sees anything. */
export async function takePicture(video: HTMLVideoElement): Promise<Blob | null> {
  const { videoWidth, videoHeight } = video;
  if (!videoWidth) return null;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
  const canvas = new OffscreenCanvas(Math.round(videoWidth * scale), Math.round(videoHeight * scale));
  canvas.getContext("2d")!.drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: JPEG_QUALITY });
}
