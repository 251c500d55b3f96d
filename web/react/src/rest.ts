/** REST with the page's setting, for what a component asks for once. */
import type { RestClient } from "@tapeflow/client";
import { usePage } from "./page.ts";

export function useRest(): RestClient {
  return usePage().rest;
}
