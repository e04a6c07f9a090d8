// Reads simulations of IAM requests (a JSON list) and writes what AWS would decide about each.
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { json } from "node:stream/consumers";

const judge = async (simulation) => {
  const judged = await runSimulation(simulation, {});
  return judged.resultType === "error" ? JSON.stringify(judged.errors) : judged.overallResult;
};
const decisions = [];
for (const simulation of await json(process.stdin)) decisions.push(await judge(simulation));
process.stdout.write(JSON.stringify(decisions));
