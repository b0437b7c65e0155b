"""Asks the engines in turns and keeps what they took.

An operation's requests are asked of each engine once unmeasured, when its answers are judged, and then in
some rounds, the engines one after the other in each. An engine that has used up its seconds for an
operation is asked no more of it: what was measured until then counts, of its first asking if need be. One
request that takes longer than the engines' own limit of 60 s ends the operation for that engine."""
import dataclasses
import gc
import statistics
import time

from engine import Unable


@dataclasses.dataclass
class Plan:
    """How often, and the seconds for an engine and an operation."""
    rounds: int = 5
    budget: float = 60


@dataclasses.dataclass
class Outcome:
    """An engine's part of an operation: seconds of each call, what was wrong with its answers, and the
    share of the nearest that queries found."""
    took: list = dataclasses.field(default_factory=list)
    first: list = dataclasses.field(default_factory=list)
    wrong: list = dataclasses.field(default_factory=list)
    recalls: list = dataclasses.field(default_factory=list)
    failed: str = None
    spent: float = 0

    def seconds(self):
        """The median of a call; None if there is no answer."""
        took = self.took or self.first
        return statistics.median(took) if took and not self.failed else None


def timed(call, outcome):
    """The answer and the seconds, which count for the budget also if there is none."""
    began = time.perf_counter()
    try:
        return call(), time.perf_counter() - began
    finally:
        outcome.spent += time.perf_counter() - began


def judge(engine, request, expected, answer, outcome):
    """Holds an answer against the right one."""
    if request.count:
        count = int(answer) if isinstance(answer, (int, bytes)) else answer[0][0]
        wrong = None if count == expected.count else f"{count:,} instead of {expected.count:,}"
    else:
        ids = engine.ids(answer)
        wrong = expected.judge(ids)
        if not wrong and expected.query:
            outcome.recalls.append(expected.recall(ids))
    if wrong:
        outcome.wrong.append(wrong)


def attempt(engine, step, outcome):
    """Whether a step went well; why not is kept."""
    try:
        step()
        return True
    except TimeoutError:
        outcome.failed = "> 60 s"
        engine.recover()
    except Unable as error:
        outcome.failed = str(error)
    except Exception as error:  # whatever a library raises is its answer  # pylint: disable=broad-except
        outcome.failed = f"{type(error).__name__}: {str(error)[:200]}"
    return False


def look(engine, set_, operation, expected, outcome, plan):
    """The first asking: calls to repeat."""
    calls = []

    def step():
        for request, right in zip(operation.requests, expected):
            call = engine.request(set_, request)
            answer, seconds = timed(call, outcome)
            outcome.first.append(seconds)
            judge(engine, request, right, answer, outcome)
            calls.append(call)
            if outcome.spent > plan.budget:
                break

    engine.refresh()
    attempt(engine, step, outcome)
    return calls


def again(engine, calls, outcome, plan):
    """A round."""
    def step():
        for call in calls:
            outcome.took.append(timed(call, outcome)[1])
            if outcome.spent > plan.budget:
                break

    engine.refresh()
    gc.collect()
    attempt(engine, step, outcome)


def operation(engines, set_, asked, expected, plan):
    """An outcome for each engine, in their order."""
    outcomes = [Outcome() for _ in engines]
    calls = [look(engine, set_, asked, expected, outcome, plan) for engine, outcome in zip(engines, outcomes)]
    for _ in range(plan.rounds):
        for engine, mine, outcome in zip(engines, calls, outcomes):
            if not outcome.failed and outcome.spent < plan.budget:
                again(engine, mine, outcome, plan)
    return outcomes
