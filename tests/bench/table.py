"""The results as a Markdown table, or as JSON for programs."""
import json

WHO = ("kalda", "kafka", "floor")


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def ratio(figures, other):
    return number(figures["kalda"] / figures[other]) if {"kalda", other} <= set(figures) and figures[other] else "–"


def markdown(results):
    lines = ["| Row | What | Mode | Client | Unit | Kalda | Kafka | Floor | R | F | Broker CPU: Kalda / Kafka | Gate | | Goal | |",
             "| --- | --- | --- | --- | --- | --: | --: | --: | --: | --: | --- | --- | --- | --- | --- |"]
    for result in results:
        row, figures, cpu = result.row, result.figures(), result.cpu()
        cells = [row.name, row.what, row.mode, row.client, row.unit,
                 *(number(figures[who]) if who in figures else "–" for who in WHO), ratio(figures, "kafka"), ratio(figures, "floor"),
                 " / ".join(number(cpu[who]) if who in cpu else "–" for who in WHO[:2]) + f" {row.cpu_unit}",
                 " ".join(b.text(row) for b in row.gate) or "–", result.verdict(row.gate),
                 " ".join(b.text(row) for b in row.goal) or "–", result.verdict(row.goal)]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [f"\n{r.row.name}: not measured: {r.trouble}" for r in results if r.trouble]
    return "\n".join(lines)


def as_json(head, results):
    rows = []
    for result in results:
        row = result.row
        rows.append({"name": row.name, "what": row.what, "mode": row.mode, "client": row.client, "unit": row.unit,
                     "more_is_better": row.more_is_better, "cpu_unit": row.cpu_unit, "trouble": result.trouble,
                     "gate": {"bounds": [b.text(row) for b in row.gate], "verdict": result.verdict(row.gate)},
                     "goal": {"bounds": [b.text(row) for b in row.goal], "verdict": result.verdict(row.goal)},
                     "medians": result.figures(), "broker_cpu": result.cpu(),
                     "samples": {who: [{"value": m.value, "broker_cpu": m.cpu, **m.detail} for m in all_of_it]
                                 for who, all_of_it in result.samples.items()}})
    return json.dumps({**head, "rows": rows}, indent=1)
