"""The table: what a person does with git, what wakes jobsync up, and what it makes of it.

docs/git.md shows the same rows: `python -m tests.git.scenarios` prints them.

A scenario begins in a clone of a repository with the jobs a and b, in which everything is synced. Its origin has a
branch for whatever may come from elsewhere; `theirs X` says that origin's main is there now.
"""

from dataclasses import dataclass

PRELUDE = """
set -u
theirs() { git --git-dir="$ORIGIN" update-ref refs/heads/main "refs/heads/$1"; }
fetched() { theirs "$1"; git fetch -q; }
mine() { for n in "${@:-1}"; do echo "$n" >>"mine$n"; git add -A; git commit -qm "mine $n"; done; }
clash() { echo mine >shared; git commit -qam 'my shared'; }
patches() { git format-patch -q --stdout "origin/$1" ^main >../c.patch; }
begin_anew() {
    rm -rf .git ./*; git init -q; rm -rf .git/hooks; cp -R ../template/hooks .git; git remote add origin "$ORIGIN"
}
submodule() {
    git submodule add -q "$LIB" sub; git -C sub checkout -q more; git add sub; git commit -qm 'add sub'
    if [ -n "${1-}" ]; then
        git -C sub checkout -q main; git commit -qam 'move sub'; git push -q origin HEAD:main
        git reset -q --hard HEAD~1; git submodule update -q
    fi
}
both() { echo both >shared; git add shared; }
todo() { GIT_SEQUENCE_EDITOR="$1" git rebase -q -i "$2"; }
drop='sed -i.bak s/^pick/drop/' edit='sed -i.bak s/^pick/edit/' stop='sed -i.bak -e s/.*/break/ -e 2,\\$d'
fixup='sed -i.bak 2s/^pick/fixup/' reword='sed -i.bak s/^pick/reword/'
export GIT_EDITOR=true
"""
"""What the lines of a scenario may call, in sh."""

BRANCHES = """
branch() { git switch -q -c "$1" "${2:-main}"; }
job() { mkdir -p "jobs/$1"; printf 'run = "true"\\n[schedule]\\nat = "%s"\\n' "${2:-09:00}" >"jobs/$1/job.toml"; }
save() { git add -A; git commit -qm "$1"; }
branch more; job c; save 'add c'
branch even; git commit -q --allow-empty -m 'nothing in it'
branch edit; job a 10:00; save 'change a'
branch drop; git rm -rq jobs/b; save 'drop b'
branch clash; echo theirs >shared; job c; save 'their shared'
branch apart; job c; echo more >>notes; save 'add c, and a note'
branch many; for n in 1 2 3 4; do echo "$n" >count; save "count $n"; done; job c; save 'add c'
git switch -q main
"""
"""Origin's branches, each a way in which main may go on."""


@dataclass(frozen=True)
class Then:
    """The machine afterwards."""

    jobs: str
    """The jobs that are installed and loaded."""
    changes: int
    """Calls that changed something in the scheduler."""


SAME = Then("a b", 0)
MORE = Then("a b c", 1)
"""Job c came."""


@dataclass(frozen=True)
class Scenario:
    """One thing that a person does."""

    name: str
    """In the words of docs/git.md."""
    do: str
    """A line for sh each; the hooks are in force."""
    events: str = ""
    """What wakes jobsync up: the event without `post-`, the row of the verdict table, `+` where that says sync."""
    then: Then = SAME
    """What came of it."""
    before: str = ""
    """What came first, with no hook in force."""
    status: int = 0
    """How the last line ends."""


PULLS = (
    Scenario("`pull` that moves forward", "git pull -q", "merge:16+", then=MORE, before="theirs more"),
    Scenario("... also as `pull --ff-only`", "git pull -q --ff-only", "merge:16+", then=MORE, before="theirs more"),
    Scenario("... also as `pull --rebase`, nothing local", "git pull -q --rebase", "merge:16+", then=MORE,
             before="theirs more"),
    Scenario("... also with `rebase.backend=apply`", "git -c rebase.backend=apply pull -q --rebase", "merge:16+",
             then=MORE, before="theirs more"),
    Scenario("... also as `pull --no-verify`", "git pull -q --no-verify", "merge:16+", then=MORE, before="theirs more"),
    Scenario("... that changes a job", "git pull -q", "merge:16+", then=Then("a b", 2), before="theirs edit"),
    Scenario("... that removes a job", "git pull -q", "merge:16+", then=Then("a", 1), before="theirs drop"),
    Scenario("`pull`, up to date", "git pull -q\ngit pull -q --rebase"),
    Scenario("`pull --ff-only`, diverged", "git pull -q --ff-only", before="theirs more; mine", status=128),
    Scenario("`pull`, an edited file in the way", "git pull -q", before="theirs clash; echo x >>shared", status=1),
    Scenario("`pull`, an untracked file in the way", "git pull -q",
             before="theirs more; mkdir jobs/c; echo x >jobs/c/job.toml", status=1),
    Scenario("`pull` that merges", "git pull -q --no-rebase --no-edit", "merge:16+", then=MORE,
             before="theirs more; mine"),
    Scenario("`merge --no-ff`", "git merge -q --no-ff --no-edit origin/more", "merge:16+", then=MORE),
    Scenario("`merge` of several branches", "git merge -q --no-edit origin/more origin/drop", "merge:16+",
             then=Then("a c", 2)),
    Scenario("`merge -s ours`", "git merge -q --no-edit -s ours origin/more", "merge:16+", before="mine"),
    Scenario("`pull` that stops at a conflict", "git pull -q --no-rebase", before="theirs clash; clash", status=1),
    Scenario("... then `commit`", "git pull -q --no-rebase\nboth\ngit commit -q --no-edit", "commit:16+", then=MORE,
             before="theirs clash; clash"),
    Scenario("... or `merge --continue`", "git pull -q --no-rebase\nboth\ngit merge --continue", "commit:16+",
             then=MORE, before="theirs clash; clash"),
    Scenario("... or `merge --abort`", "git pull -q --no-rebase\ngit merge --abort", before="theirs clash; clash"),
    Scenario("`pull --no-commit`, then `commit`", "git pull -q --no-rebase --no-commit\ngit commit -q --no-edit",
             "commit:16+", then=MORE, before="theirs more; mine"),
    Scenario("`merge --no-commit`, then `commit`",
             "git merge -q --no-ff --no-commit origin/more\ngit commit -q --no-edit", "commit:16+", then=MORE),
    Scenario("`pull --squash`", "git pull -q --squash", "merge:5", before="theirs more"),
    Scenario("`merge --squash`", "git merge -q --squash origin/more", "merge:5"),
    Scenario("... with conflicts", "git merge -q --squash origin/clash", "merge:5", before="clash", status=1),
    Scenario("... then `commit`", "git merge -q --squash origin/more\ngit commit -qm squashed", "merge:5 commit:16+",
             then=MORE),
    Scenario("`pull`, other files edited", "git pull -q", "merge:16+", then=MORE, before="theirs more; echo x >>notes"),
    Scenario("`pull --autostash`, a job edited", "git pull -q --autostash", "merge:16+", then=MORE,
             before="theirs more; echo '# x' >>jobs/a/job.toml"),
    Scenario("`pull` into a repository without a commit", 'git pull -q "$ORIGIN" more', before="begin_anew"),
)  # fmt: skip

REPLAYED = "checkout:10 commit:10 rewrite:8+"
REBASES = (
    Scenario("`pull --rebase` with local commits", "git pull -q --rebase", REPLAYED, then=MORE,
             before="theirs more; mine"),
    Scenario("... with several of them", "git pull -q --rebase", "checkout:10 commit:10 commit:10 commit:10 rewrite:8+",
             then=MORE, before="theirs more; mine 1 2 3"),
    Scenario("... with `rebase.backend=apply`", "git -c rebase.backend=apply pull -q --rebase",
             "checkout:11 applypatch:10 rewrite:8+", then=MORE, before="theirs more; mine"),
    Scenario("... and `--autostash`, a job edited", "git pull -q --rebase --autostash", REPLAYED, then=MORE,
             before="theirs more; mine; echo '# x' >>jobs/a/job.toml"),
    Scenario("`rebase`, nothing local", "git rebase -q", "checkout:9+", then=MORE, before="fetched more"),
    Scenario("... with `rebase.backend=apply`", "git -c rebase.backend=apply rebase -q", "checkout:11+", then=MORE,
             before="fetched more"),
    Scenario("`pull --rebase`, all that is local is upstream already", "git pull -q --rebase", "checkout:9+", then=MORE,
             before="theirs more; git cherry-pick -n origin/more; git commit -qm 'the same'"),
    Scenario("`rebase -i` that drops the last commits", 'todo "$drop" HEAD~1', "checkout:9+", before="mine"),
    Scenario("`rebase -i` that changes nothing", "todo : HEAD~1", "checkout:9+", before="mine"),
    Scenario("`rebase`, up to date", "git rebase -q"),
    Scenario("`rebase`, a commit becomes empty", "git rebase -q", "checkout:10 rewrite:8+", then=MORE,
             before="fetched apart; git checkout -q origin/more -- jobs/c; git commit -qm 'add c'"),
    Scenario("`rebase` that stops at a conflict", "git pull -q --rebase", "checkout:10",
             before="theirs clash; clash", status=1),
    Scenario("... then `rebase --continue`", "git pull -q --rebase\nboth\ngit rebase --continue", REPLAYED, then=MORE,
             before="theirs clash; clash"),
    Scenario("... or `rebase --skip`", "git pull -q --rebase\ngit rebase --skip", "checkout:10 rewrite:8+", then=MORE,
             before="theirs clash; clash"),
    Scenario("... or `rebase --abort`", "git pull -q --rebase\ngit rebase --abort", "checkout:10",
             before="theirs clash; clash"),
    Scenario("... or `rebase --quit`", "git pull -q --rebase\ngit rebase --quit", "checkout:10",
             before="theirs clash; clash"),
    Scenario("... or a `commit` of one's own, then `--continue`",
             "git pull -q --rebase\nboth\ngit commit -qm mine\ngit rebase --continue", REPLAYED, then=MORE,
             before="theirs clash; clash"),
    Scenario("`rebase -i` with `edit`, then `commit --amend`",
             'todo "$edit" HEAD~1\ngit commit -q --amend -m other\ngit rebase --continue',
             "checkout:10 commit:10 rewrite:10 rewrite:8+", before="mine"),
    Scenario("`rebase -i` with `fixup`", 'todo "$fixup" HEAD~2', "checkout:10 commit:10 rewrite:10 rewrite:8+",
             before="mine 1 2"),
    Scenario("`rebase -i` with `reword`", 'todo "$reword" HEAD~1', "checkout:10 commit:10 rewrite:10 rewrite:8+",
             before="mine"),
    Scenario("`rebase -i` with only `break`, then `--continue`", 'todo "$stop" origin/main\ngit rebase --continue',
             "checkout:10", before="fetched more"),
    Scenario("`rebase` of a detached HEAD", "git rebase -q origin/main", "checkout:10 commit:10 rewrite:13",
             before="fetched more; git switch -q --detach; mine"),
    Scenario("`rebase main topic`, from main", "git rebase -q main topic", REPLAYED, then=MORE,
             before="git switch -q -c topic; mine; git switch -q main; git merge -q origin/more"),
    Scenario("`rebase main topic`, up to date", "git rebase -q main topic", "checkout:16+", then=MORE,
             before="git switch -q -c topic origin/more; git switch -q main"),
)  # fmt: skip

CHECKOUTS = (
    Scenario("`switch`, `checkout` to another branch", "git switch -q more", "checkout:16+", then=MORE),
    Scenario("... and back with `-`", "git checkout -q more\ngit switch -q -", "checkout:16+ checkout:16+",
             then=Then("a b", 2)),
    Scenario("... with `-m` or `--discard-changes`",
             "git checkout -q -m more\ngit switch -q --discard-changes main", "checkout:16+ checkout:16+",
             then=Then("a b", 2), before="echo x >>notes"),
    Scenario("`switch -c`, `checkout -b`, or to where one is",
             "git switch -q -c x\ngit checkout -q -b y\ngit switch -q y", "checkout:16+ checkout:16+ checkout:16+"),
    Scenario("`checkout -B main origin/main`", "git checkout -q -B main origin/main", "checkout:16+", then=MORE,
             before="fetched more"),
    Scenario("`switch --detach`, `checkout COMMIT`", "git switch -q --detach\ngit checkout -q origin/more",
             "checkout:13 checkout:13"),
    Scenario("`switch --orphan`", "git switch -q --orphan x", "checkout:6"),
    Scenario("`checkout --orphan`", "git checkout -q --orphan x", "checkout:6"),
    Scenario("`checkout -- FILE`, `restore`",
             "git checkout -q -- .\ngit restore .\ngit restore -S -W -s origin/more jobs",
             "checkout:4 checkout:4 checkout:4", before="echo x >>notes"),
    Scenario("`checkout COMMIT -- FILE`", "git checkout -q origin/more -- jobs", "checkout:4"),
    Scenario("`stash push --keep-index`", "git stash push -q -k", "checkout:4", before="echo x >>notes"),
    Scenario("`checkout -p`", "yes | git checkout -q -p", before="echo x >>notes"),
    Scenario("`checkout` that is refused", "git checkout -q edit\ngit switch -q nowhere",
             before="echo x >>jobs/a/job.toml", status=128),
    Scenario("`bisect`", "git bisect start origin/many main\ngit bisect good\ngit bisect bad\ngit bisect skip",
             "checkout:12 checkout:12 checkout:12", status=2),
    Scenario("... with `run`", "git bisect start origin/many main\ngit bisect run true", "checkout:12 checkout:12"),
    Scenario("... then `bisect reset`", "git bisect start origin/many main\ngit bisect reset",
             "checkout:12 checkout:16+"),
    Scenario("`bisect` of a detached HEAD", "git bisect start origin/many main\ngit bisect reset",
             "checkout:12 checkout:13", before="git switch -q --detach"),
    Scenario("`bisect --no-checkout`", "git bisect start --no-checkout origin/many main\ngit bisect reset"),
)  # fmt: skip

COMMITS = (
    Scenario("`commit`", "git commit -qm c", "commit:16+", then=MORE, before="git checkout -q origin/more -- jobs"),
    Scenario("... with `-n`, of single files, with `--allow-empty`",
             "git commit -qnm c jobs/c\ngit commit -q --allow-empty -m nothing", "commit:16+ commit:16+", then=MORE,
             before="git checkout -q origin/more -- jobs"),
    Scenario("`commit --amend`", "git commit -q --amend --no-edit", "commit:16+ rewrite:16+", then=MORE,
             before="git checkout -q origin/more -- jobs"),
    Scenario("... with `--no-post-rewrite`", "git commit -q --amend --no-edit --no-post-rewrite", "commit:16+",
             then=MORE, before="git checkout -q origin/more -- jobs"),
    Scenario("`cherry-pick`", "git cherry-pick origin/more", "commit:16+", then=MORE),
    Scenario("`cherry-pick` of several", "git cherry-pick origin/many~3..origin/many",
             "commit:14 commit:14 commit:16+", then=MORE,
             before="git checkout -q origin/many~3 -- count; git commit -qm c"),
    Scenario("`cherry-pick` that stops, then `--continue`",
             "git cherry-pick origin/clash\nboth\ngit cherry-pick --continue", "commit:16+", then=MORE, before="clash"),
    Scenario("... or `--abort`, `--skip`",
             "git cherry-pick origin/clash\ngit cherry-pick --abort\n"
             "git cherry-pick origin/clash\ngit cherry-pick --skip", before="clash"),
    Scenario("`cherry-pick -n`, `revert -n`", "git cherry-pick -n origin/more\ngit reset -q --hard\ngit revert -n HEAD",
             before="mine"),
    Scenario("`revert`", "git revert --no-edit HEAD", "commit:16+", then=Then("a b", 1),
             before="git merge -q origin/more; jobsync sync >/dev/null"),
    Scenario("`reset`, in all its forms",
             "git reset -q --hard origin/more\ngit reset -q --soft main@{1}\ngit reset -q --mixed\n"
             "git reset -q --hard\ngit reset -q --keep origin/more\ngit reset -q --merge origin/even"),
    Scenario("`stash`, `stash pop`, `stash apply`", "git stash -q\ngit stash pop -q\ngit stash -q\ngit stash apply -q",
             before="echo x >>notes"),
    Scenario("`stash branch`", "git stash branch x", "checkout:16+", before="echo x >>notes; git stash -q"),
    Scenario("`apply`, `apply --index`", "git apply ../c.patch\ngit apply --index ../d.patch",
             before="git status -s; patches more; git diff HEAD origin/edit >../d.patch"),
    Scenario("`am`", "git am -q ../c.patch", "applypatch:8+", then=MORE, before="patches more"),
    Scenario("... of several", "git am -q ../c.patch", "applypatch:10 " * 4 + "applypatch:8+", then=MORE,
             before="patches many"),
    Scenario("... that stops, then `--abort`", "git am -q ../c.patch\ngit am --abort", before="patches clash; clash"),
    Scenario("whatever changes no HEAD", "git mv notes n\ngit rm -q shared\ngit clean -fdq\ngit add -A\ngit status\n"
             "git gc -q\ngit fetch -q\ngit remote update\ngit tag t\ngit branch x\ngit branch -D x\n"
             "git notes add -m n\ngit replace HEAD origin/even"),
)  # fmt: skip

PLACES = (
    Scenario("`clone` with a template of hooks",
             'cd ..\nrm -rf dotfiles\ngit clone -q --template=template "$ORIGIN" dotfiles', "checkout:16+",
             then=MORE, before="theirs more"),
    Scenario("... with `--depth 1`",
             'cd ..\nrm -rf dotfiles\ngit clone -q --template=template --depth 1 "file://$ORIGIN" dotfiles',
             "checkout:16+", then=MORE, before="theirs more"),
    Scenario("... to another place", 'git clone -q --template=../template "$ORIGIN" ../other', "checkout:2"),
    Scenario("`clone` without hooks", 'cd ..\nrm -rf dotfiles\ngit clone -q "$ORIGIN" dotfiles', before="theirs more"),
    Scenario("`clone --no-checkout`", 'cd ..\nrm -rf dotfiles\ngit clone -q --template=template -n "$ORIGIN" dotfiles',
             before="theirs more"),
    Scenario("... then the first `checkout`",
             'cd ..\nrm -rf dotfiles\ngit clone -q --template=template -n "$ORIGIN" dotfiles\n'
             "cd dotfiles; git checkout -q",
             "checkout:16+", then=MORE, before="theirs more"),
    Scenario("`init`, `fetch`, `checkout`", "git fetch -q\ngit checkout -q -t origin/main", "checkout:16+", then=MORE,
             before="theirs more; begin_anew"),
    Scenario("`init`, `fetch`, `reset --hard`", "git fetch -q\ngit reset -q --hard origin/main",
             before="theirs more; begin_anew"),
    Scenario("yadm's `clone`", "git fetch -q\ngit reset -q --soft origin/main\ngit reset -q\n"
             "git checkout -- jobsync.toml\ngit checkout -- jobs", "checkout:4 checkout:4",
             before="theirs more; begin_anew"),
    Scenario("`worktree add`", "git worktree add -q ../linked", "checkout:3"),
    Scenario("`worktree add --no-checkout`, `move`, `remove`", "git worktree add -q --no-checkout ../linked\n"
             "git worktree move ../linked ../moved\ngit worktree remove -f ../moved"),
    Scenario("work in a linked work tree", "cd ../linked; git merge -q origin/more", "merge:3",
             before="git worktree add -q ../linked"),
    Scenario("`submodule update`, with hooks of its own",
             "rm -rf sub .git/modules; git -c init.templateDir=../template submodule update -q --init", "checkout:3",
             before="submodule"),
    Scenario("`pull` that moves a submodule", "git pull -q", "merge:16+", before="submodule moves"),
    Scenario("`pull --recurse-submodules`", "git pull -q --recurse-submodules", "merge:16+", before="submodule moves"),
    Scenario("`checkout` with `submodule.recurse`", "git -c submodule.recurse=true checkout -q x", "checkout:16+",
             before="submodule; git branch x"),
    Scenario("`sparse-checkout`", "git sparse-checkout set --no-cone lib\ngit sparse-checkout reapply\n"
             "git sparse-checkout disable"),
    Scenario("a `push` into this work tree", 'cd ../other; git push -q ../dotfiles HEAD:main',
             before='git config receive.denyCurrentBranch updateInstead; git clone -q -b more "$ORIGIN" ../other'),
    Scenario("`update-ref`, `symbolic-ref`, `read-tree`, `checkout-index`", "git update-ref HEAD origin/even\n"
             "git symbolic-ref HEAD refs/heads/main\ngit read-tree -u -m HEAD\ngit checkout-index -f -a"),
    Scenario("`fetch --update-head-ok`", "git fetch -q --update-head-ok origin main:main", before="theirs more"),
    Scenario("anything with `-c core.hooksPath=/dev/null`", "git -c core.hooksPath=/dev/null pull -q",
             before="theirs more"),
)  # fmt: skip

SECTIONS = {"pull and merge": PULLS, "rebase": REBASES, "checkout, switch, bisect": CHECKOUTS,
            "commit, reset, stash, patches": COMMITS, "clone, work trees, submodules": PLACES}  # fmt: skip
EVERY = tuple(scenario for section in SECTIONS.values() for scenario in section)


def _in_words(events: str) -> str:
    """The events as the manual has them, equal neighbours together."""
    words: list[str] = []
    for token in events.split():
        event, _, row = token.rpartition(":")
        word = f"post-{event} (row {row.rstrip('+')}{': sync' if row.endswith('+') else ''})"
        if not words or words[-1] != word:
            words.append(word)
    return ", ".join(words) or "none"


def manual() -> str:
    """The tables of docs/git.md."""
    lines: list[str] = []
    for title, section in SECTIONS.items():
        lines += [f"### {title.capitalize()}", "", "| what you do | what wakes jobsync up |", "| --- | --- |"]
        lines += [f"| {one.name} | {_in_words(one.events)} |" for one in section] + [""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(manual())
