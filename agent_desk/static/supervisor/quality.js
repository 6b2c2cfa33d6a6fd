// @ts-check
/** The page quality. */
import { page } from "./page.js";

page.ready();
