// @ts-check
/** The page wallboard. */
import { page } from "./page.js";

page.ready();
