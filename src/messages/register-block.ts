import { type RegisterBlock, readRegisterBlock } from "../vmcs/stopped/register-block.js";
import type { ExplainContext } from "./context.js";

const MOST_LINES = 20_000;

export const registerBlock = ({ lines }: ExplainContext): RegisterBlock | undefined =>
  readRegisterBlock(lines(1, MOST_LINES));
