// The buttons that change something. Each asks first, or says what it will do.
import { useEffect, useState } from "preact/hooks";
import type { VersionRow } from "./api";
import { messageOf } from "./format";
import type { Live } from "./live";
import { Dialog, told, type Note } from "./parts";

interface Props {
  live: Live;
  onNote: (note: Note | null) => void;
}

type Question = "scale" | "unregister" | null;

/** The orders for one version. */
export function Actions({ live, row, onNote }: Props & { row: VersionRow }) {
  const [question, setQuestion] = useState<Question>(null);
  const close = () => setQuestion(null);
  const order = async (work: () => Promise<string>) => {
    close();
    onNote(null);
    onNote(await told(work));
  };
  return (
    <div class="actions">
      <button onClick={() => setQuestion("scale")}>Scale</button>
      {!row.default && (
        <button onClick={() => void order(() => live.api.setDefault(row.name, row.version))}>Set default</button>
      )}
      {live.server?.modelApi === true && (
        <button class="danger" onClick={() => setQuestion("unregister")}>
          Unregister
        </button>
      )}
      {question === "scale" && (
        <ScaleDialog
          row={row}
          onClose={close}
          onScale={(min, max) => void order(() => live.api.scale(row.name, row.version, min, max))}
        />
      )}
      {question === "unregister" && (
        <Dialog title={`Unregister ${row.name} ${row.version}?`} onClose={close}>
          <p>
            What runs is finished first; then the version and its {row.figures.readyWorkers ?? 0} workers are gone, and
            requests for it are answered 404. Its archive stays in the model store.
          </p>
          <div class="buttons">
            <button onClick={close}>Keep it</button>
            <button class="danger" onClick={() => void order(() => live.api.unregister(row.name, row.version))}>
              Unregister
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

function ScaleDialog(props: { row: VersionRow; onClose: () => void; onScale: (min: number, max: number) => void }) {
  const [min, setMin] = useState(props.row.minWorkers);
  const [max, setMax] = useState(Math.max(props.row.minWorkers, props.row.maxWorkers));
  const submit = (event: Event) => {
    event.preventDefault();
    props.onScale(min, max);
  };
  return (
    <Dialog title={`Scale ${props.row.name} ${props.row.version}`} onClose={props.onClose}>
      <form onSubmit={submit}>
        <div class="fields">
          <WorkersField
            label="Workers at least"
            value={min}
            onValue={(value) => {
              setMin(value);
              setMax((before) => Math.max(before, value));
            }}
          />
          <WorkersField label="Workers at most" least={min} value={max} onValue={setMax} />
        </div>
        <p class="muted">Workers start in the background; those that leave finish what they run.</p>
        <div class="buttons">
          <button type="button" onClick={props.onClose}>
            Cancel
          </button>
          <button class="main" type="submit">
            Scale
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function WorkersField(props: { label: string; least?: number; value: number; onValue: (value: number) => void }) {
  return (
    <label>
      {props.label}
      <input
        type="number"
        min={props.least ?? 0}
        max="4096"
        required
        value={props.value}
        onInput={(event) => props.onValue(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}

/** Registers what is in the model store. */
export function RegisterButton({ live, onNote }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button class="main" onClick={() => setOpen(true)}>
        Register a model
      </button>
      {open && <RegisterDialog live={live} onNote={onNote} onClose={() => setOpen(false)} />}
    </>
  );
}

function RegisterDialog({ live, onNote, onClose }: Props & { onClose: () => void }) {
  const [names, setNames] = useState<string[] | null>(null);
  const [problem, setProblem] = useState("");
  const [url, setUrl] = useState("");
  const [workers, setWorkers] = useState(1);
  useEffect(() => {
    const control = new AbortController();
    live.api
      .store(control.signal)
      .then((found) => {
        setNames(found);
        setUrl(found[0] ?? "");
      })
      .catch((error: unknown) => {
        if (!control.signal.aborted) {
          setProblem(messageOf(error));
        }
      });
    return () => control.abort();
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    onClose();
    onNote(null);
    onNote(await told(() => live.api.register(url, workers)));
  };
  return (
    <Dialog title="Register a model" onClose={onClose}>
      {problem !== "" && <p class="problem">{problem}</p>}
      {names === null && problem === "" && <p>Looking into the model store…</p>}
      {names !== null && names.length === 0 && (
        <p>The model store is empty. Put an archive (.mar) or a model folder there, then come back.</p>
      )}
      <form onSubmit={(event) => void submit(event)}>
        {names !== null && names.length > 0 && (
          <div class="fields">
            <label>
              In the model store
              <select value={url} onChange={(event) => setUrl(event.currentTarget.value)}>
                {names.map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <WorkersField label="Workers" value={workers} onValue={setWorkers} />
          </div>
        )}
        <div class="buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="main" type="submit" disabled={url === ""}>
            Register
          </button>
        </div>
      </form>
    </Dialog>
  );
}
