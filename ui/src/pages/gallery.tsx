/** Every component in every state, for people to look at. Part of the development build only. */
import sprout from "lucide-static/icons/sprout.svg?raw";
import plus from "lucide-static/icons/plus.svg?raw";
import { useState } from "preact/hooks";
import { ApiError } from "../client.ts";
import { Button, LinkButton } from "../components/button.tsx";
import { CopyButton } from "../components/copy.tsx";
import { Confirm, Dialog } from "../components/dialog.tsx";
import { AreaField, Choices, PasswordField, SelectField, Switch, TextField } from "../components/field.tsx";
import { Bars, GrowthChart, Meter, Sparkline } from "../components/figures.tsx";
import { Segments } from "../components/menu.tsx";
import { Empty, ErrorNotice, Notice, Skeleton } from "../components/notice.tsx";
import { Tabs } from "../components/page-head.tsx";
import { Ago } from "../components/time.tsx";
import { toast } from "../components/toast.tsx";
import { Front } from "../front.tsx";

const KINDS = ["primary", "plain", "soft-accent", "quiet", "danger", "danger-quiet"] as const;
const DAYS = Array.from({ length: 60 }, (_, index) => ({
  day: new Date(Date.UTC(2026, 8, 1 + index)).toISOString(),
  boxes: Math.round(2 + index / 6),
  services: Math.round(3 + (index * index) / 60),
}));
const TIMES = Array.from({ length: 80 }, (_, index) =>
  index % 17 === 3 ? null : 12 + 9 * Math.sin(index / 5) + (index % 7),
);

function Buttons() {
  return (
    <section class="card stack">
      <h2>Buttons</h2>
      <div class="cluster">
        {KINDS.map((kind) => (
          <Button key={kind} kind={kind} icon={plus}>
            {kind}
          </Button>
        ))}
      </div>
      <div class="cluster">
        {KINDS.map((kind) => (
          <Button key={kind} kind={kind} disabled>
            {kind}, off
          </Button>
        ))}
      </div>
      <div class="cluster">
        <Button kind="primary" busy>
          busy
        </Button>
        <Button icon={plus} aria-label="only an icon" />
        <LinkButton href="/gallery">a link</LinkButton>
        <CopyButton text="copied from the gallery" />
        <Button onClick={() => toast("Something happened.", async () => toast("Undone."))}>toast</Button>
      </div>
    </section>
  );
}

function Fields() {
  const [text, setText] = useState("Can Batlló");
  const [on, setOn] = useState(true);
  const [choice, setChoice] = useState("one");
  return (
    <section class="card stack">
      <h2>Fields</h2>
      <TextField label="A name" hint="With a hint" value={text} onValue={setText} />
      <TextField label="A wrong one" wrong="What is wrong with it" value={text} onValue={setText} />
      <PasswordField label="A password" value={text} onValue={setText} />
      <AreaField label="More text" value={text} onValue={setText} />
      <SelectField
        label="A choice"
        value={choice}
        onValue={setChoice}
        options={[
          { value: "one", label: "One" },
          { value: "two", label: "Two" },
        ]}
      />
      <Switch label="A switch" hint="What it does" checked={on} onChecked={setOn} />
      <Switch label="A switch that is off limits" checked={false} disabled onChecked={setOn} />
      <Choices
        label="Few choices"
        name="gallery"
        value={choice}
        onValue={setChoice}
        options={[
          { value: "one", label: "One", hint: "The first" },
          { value: "two", label: "Two", hint: "The second" },
        ]}
      />
      <Segments
        label="Segments"
        value={choice}
        onValue={setChoice}
        options={[
          { value: "one", label: "One" },
          { value: "two", label: "Two" },
        ]}
      />
    </section>
  );
}

function Messages() {
  const error = new ApiError("sample", "The box did not answer.", "Check the cable and try again.");
  return (
    <section class="card stack">
      <h2>Messages</h2>
      {(["ok", "info", "warning", "error"] as const).map((tone) => (
        <Notice key={tone} tone={tone} title={`A notice: ${tone}`}>
          <p>With what to do about it.</p>
        </Notice>
      ))}
      <ErrorNotice error={error} retry={() => toast("Tried again.")} />
      <div class="cluster">
        {["", "ok", "warn", "bad", "info"].map((tone) => (
          <span key={tone} class={`badge ${tone}`}>
            badge {tone}
          </span>
        ))}
      </div>
      <Empty icon={sprout} title="Nothing here yet">
        <p>What to do so that something grows here.</p>
        <Button kind="primary">Begin</Button>
      </Empty>
      <Skeleton />
    </section>
  );
}

function Figures() {
  return (
    <section class="card stack">
      <h2>Figures</h2>
      <Meter label="Little" share={0.2} text="20 GB of 100 GB" />
      <Meter label="Much" share={0.8} text="80 GB of 100 GB" />
      <Meter label="Almost all" share={0.97} text="97 GB of 100 GB" />
      <p class="cluster">
        {[null, 0, 1, 2, 3, 4].map((level) => (
          <Bars key={String(level)} level={level} />
        ))}{" "}
        <Ago at={Date.now() - 200_000} />
      </p>
      <Sparkline values={TIMES} label="A sparkline" />
      <GrowthChart days={DAYS} />
      <Tabs
        label="Tabs"
        tabs={[
          { href: "/gallery", text: "Here", on: true },
          { href: "/gallery/two", text: "There", on: false, count: 3 },
        ]}
      />
    </section>
  );
}

export default function Gallery() {
  const [open, setOpen] = useState<"" | "dialog" | "drawer" | "confirm">("");
  return (
    <Front broad>
      <div class="stack wide">
        <h1 tabIndex={-1}>Gallery</h1>
        <div class="cluster">
          {(["dialog", "drawer", "confirm"] as const).map((what) => (
            <Button key={what} onClick={() => setOpen(what)}>
              {what}
            </Button>
          ))}
        </div>
        <div class="columns">
          <Buttons />
          <Messages />
          <Fields />
          <Figures />
        </div>
        {open === "dialog" || open === "drawer" ? (
          <Dialog title="A dialog" drawer={open === "drawer"} onClose={() => setOpen("")}>
            <p>What it says.</p>
          </Dialog>
        ) : null}
        {open === "confirm" ? (
          <Confirm
            title="Lose something?"
            confirm="Lose it"
            onConfirm={async () => toast("Lost.")}
            onClose={() => setOpen("")}
          >
            <p>What will be lost.</p>
          </Confirm>
        ) : null}
      </div>
    </Front>
  );
}
