/** Short names for the types of answers, which are generated from the service's OpenAPI document. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Service = Schemas["Service"];
export type Limits = Schemas["Limits"];
export type Answer = Schemas["Success"];
export type Details = Schemas["Details"];
export type FrameFacts = Schemas["FrameFacts"];
export type FaceFacts = Schemas["FaceFacts"];
export type TrackFacts = Schemas["TrackFacts"];
export type AnomalyFacts = Schemas["AnomalyFacts"];
export type Media = Schemas["Media"];
export type Progress = Schemas["Analysis"];
export type FailureAnswer = Schemas["Failure"];
export type Basis = Details["basis"];
export type Verdict = Details["verdict"];
