// @ts-check
/** The page publish. */
import { page } from "./page.js";

page.ready();
