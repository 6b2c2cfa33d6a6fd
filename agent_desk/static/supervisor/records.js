// @ts-check
/** The page records. */
import { page } from "./page.js";

page.ready();
