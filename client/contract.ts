/**
 * The types of the wire: what every auth procedure takes and gives, and the reasons that it can answer.
 *
 * @module
 */
export type * from "@watchword/shared/contract";
export type { AuthErrorData, CommonReason, Reason, TerminalReason } from "@watchword/shared/reasons";
