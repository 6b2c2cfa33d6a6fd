// @ts-check
/** The page floor. */
import { page } from "./page.js";

page.ready();
