// @ts-check
/** The page alerts. */
import { page } from "./page.js";

page.ready();
