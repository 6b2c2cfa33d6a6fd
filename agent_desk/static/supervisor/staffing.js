// @ts-check
/** The page staffing. */
import { page } from "./page.js";

page.ready();
