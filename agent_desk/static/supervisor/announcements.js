// @ts-check
/** The page announcements. */
import { page } from "./page.js";

page.ready();
