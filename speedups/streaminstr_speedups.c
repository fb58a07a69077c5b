/* The step of a stream, compiled: a copy of `Numbers`, `Step` and `AsyncStep` of streaminstr.
 *
 * `streaminstr/_core/step.py` is the original and says why each thing is done. This file holds no
 * policy: how a stream begins, ends, and is asked to end stays in Python, behind the methods that a
 * subclass has (`_begin`, `_raised`, `_busy`, `_stop`, `close`, `aclose`, `is_interrupt`,
 * `last_chunk`). What is gained is a step without a frame, with numbers that are C values, and for
 * an async body an awaitable with `am_send`, which returns a chunk without a StopIteration.
 *
 * The turn is the list that all the Python code uses. The GIL makes each change of it atomic, and a
 * set of numbers is written without a call in between, so that another thread reads numbers that
 * belong together. Builds without the GIL are not supported; there, importing this turns it on.
 *
 * No signal can lose the turn: its handler runs in Python code, and where this file looks for one. What
 * it raises between taking the turn and giving it back comes here as a NULL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>

/* The clock of `time.perf_counter`, with the same value; on Linux with nothing in between. */
#ifdef __linux__
#include <time.h>
#define TIME struct timespec
#define READ_CLOCK(t) (void)clock_gettime(CLOCK_MONOTONIC, t)
#define SECONDS(t) ((double)((t).tv_sec * 1000000000LL + (t).tv_nsec) / 1e9)
#elif PY_VERSION_HEX >= 0x030D0000
#define TIME PyTime_t
#define READ_CLOCK(t) (void)PyTime_PerfCounterRaw(t)
#define SECONDS(t) PyTime_AsSecondsDouble(t)
#else
#define TIME _PyTime_t
#define READ_CLOCK(t) (*(t) = _PyTime_GetPerfCounter())
#define SECONDS(t) _PyTime_AsSecondsDouble(t)
#endif

typedef struct Awaiting Awaiting;

typedef struct {
    Awaiting *spare; /* one that is over, for the next step */
    PyTypeObject *numbers, *step, *async_step, *awaiting, *asend;
    PyObject *next, *anext, *perf_counter, *steps_of;
    PyObject *globals; /* of streaminstr._core.step: its `clock` counts, as in the original */
    PyObject *_begin, *_busy, *_raised, *_stop, *aclose, *close, *is_interrupt, *last_chunk;
    PyObject *clock, *closing, *executors, *names, *place, *pool, *run, *send, *thread;
    PyObject *throw_, *way, *never_awaited;
    PyTypeObject *life; /* whose slots are read at each step */
    Py_ssize_t life_closing, life_run;
    PyTypeObject *known; /* the type of places whose variables are known; NULL: not seen yet */
    PyObject *executors_variable, *pool_variable; /* of asgiref */
    Py_ssize_t place_executors, place_pool, place_thread;
} State;

static struct PyModuleDef definition;

static State *state_of(PyObject *object) {
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(object), &definition);
    return module == NULL ? NULL : PyModule_GetState(module);
}

/* ---- slots of Python's classes ---- */

/* Where a slot of `type` is in each object; -1: it is none. Leaves no exception. */
static Py_ssize_t slot_of(PyTypeObject *type, PyObject *name) {
    PyObject *found = PyObject_GetAttr((PyObject *)type, name);
    Py_ssize_t offset = -1;
    if (found != NULL && Py_IS_TYPE(found, &PyMemberDescr_Type) &&
        ((PyMemberDescrObject *)found)->d_member->type == T_OBJECT_EX)
        offset = ((PyMemberDescrObject *)found)->d_member->offset;
    Py_XDECREF(found);
    PyErr_Clear();
    return offset;
}

/* What is in a slot, borrowed; NULL: nothing. */
static inline PyObject *in_slot(PyObject *object, Py_ssize_t offset) {
    return *(PyObject **)((char *)object + offset);
}

/* An attribute that is a slot of `type`; of an object of another type as well. */
static inline PyObject *get_slot(PyObject *object, PyTypeObject *type, Py_ssize_t offset,
                                 PyObject *name) {
    PyObject *value = NULL;
    if (Py_IS_TYPE(object, type) && offset >= 0) value = in_slot(object, offset);
    return value == NULL ? PyObject_GetAttr(object, name) : Py_NewRef(value);
}

/* ---- exceptions ---- */

/* The current exception, with its traceback; none is set afterwards. */
static PyObject *take_error(void) {
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) PyException_SetTraceback(value, traceback);
    Py_XDECREF(traceback);
    Py_DECREF(type);
    return value;
#endif
}

/* Raise `error`, and take over the reference to it. */
static void put_error(PyObject *error) {
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(error);
#else
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(error)), error, PyException_GetTraceback(error));
#endif
}

/* Call a method of one argument or none (NULL) while `error` is handled, as in an `except` block. */
static PyObject *call_handling(PyObject *self, PyObject *name, PyObject *argument,
                               PyObject *error) {
    PyObject *outer = NULL, *result;
    if (error != NULL) {
        outer = PyErr_GetHandledException();
        PyErr_SetHandledException(error);
    }
    result = argument == NULL ? PyObject_CallMethodNoArgs(self, name)
                              : PyObject_CallMethodOneArg(self, name, argument);
    if (error != NULL) {
        PyErr_SetHandledException(outer);
        Py_XDECREF(outer);
    }
    return result;
}

/* The value of the StopIteration that is raised, if one is; NULL leaves the error as it is. */
static PyObject *stop_value(void) {
    PyObject *error, *value;
    if (!PyErr_Occurred()) return Py_NewRef(Py_None); /* `tp_iternext` may end without one */
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return NULL;
    error = take_error();
    value = Py_XNewRef(((PyStopIterationObject *)error)->value);
    Py_DECREF(error);
    return value == NULL ? Py_NewRef(Py_None) : value;
}

/* ---- numbers ---- */

typedef struct {
    PyObject_HEAD
    double begun, entered, first, left, longest, producer;
    Py_ssize_t chunks;
    long long size; /* -1: unknown, None in Python */
    PyObject *cut, *plain, *size_of;
} Numbers;

static int numbers_set(Numbers *self, PyObject *size_of, PyObject *plain) {
    Py_XSETREF(self->cut, Py_NewRef(Py_None));
    Py_XSETREF(self->size_of, Py_NewRef(size_of));
    Py_XSETREF(self->plain, Py_NewRef(plain));
    return 0;
}

static int numbers_init(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"size_of", "plain", NULL};
    PyObject *size_of, *plain = (PyObject *)&PyBytes_Type;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O", names, &size_of, &plain)) return -1;
    return numbers_set((Numbers *)self, size_of, plain);
}

static int numbers_visit(Numbers *self, visitproc visit, void *arg) {
    Py_VISIT(self->cut);
    Py_VISIT(self->plain);
    Py_VISIT(self->size_of);
    return 0;
}

static int numbers_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    return numbers_visit((Numbers *)self, visit, arg);
}

static int numbers_clear(PyObject *op) {
    Numbers *self = (Numbers *)op;
    Py_CLEAR(self->cut);
    Py_CLEAR(self->plain);
    Py_CLEAR(self->size_of);
    return 0;
}

static void numbers_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    numbers_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *numbers_get_size(PyObject *op, void *unused) {
    Numbers *self = (Numbers *)op;
    return self->size < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(self->size);
}

static int numbers_set_size(PyObject *op, PyObject *value, void *unused) {
    Numbers *self = (Numbers *)op;
    long long size = -1;
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "size");
        return -1;
    }
    if (value != Py_None) {
        size = PyLong_AsLongLong(value);
        if (size == -1 && PyErr_Occurred()) return -1;
    }
    self->size = size;
    return 0;
}

static PyMemberDef numbers_members[] = {
    {"begun", T_DOUBLE, offsetof(Numbers, begun)},
    {"entered", T_DOUBLE, offsetof(Numbers, entered)},
    {"first", T_DOUBLE, offsetof(Numbers, first)},
    {"left", T_DOUBLE, offsetof(Numbers, left)},
    {"longest", T_DOUBLE, offsetof(Numbers, longest)},
    {"producer", T_DOUBLE, offsetof(Numbers, producer)},
    {"chunks", T_PYSSIZET, offsetof(Numbers, chunks)},
    {"cut", T_OBJECT, offsetof(Numbers, cut)},
    {"plain", T_OBJECT, offsetof(Numbers, plain)},
    {"size_of", T_OBJECT, offsetof(Numbers, size_of)},
    {NULL}};

static PyGetSetDef numbers_getset[] = {{"size", numbers_get_size, numbers_set_size}, {NULL}};

static PyType_Slot numbers_slots[] = {
    {Py_tp_doc, "Counts of chunks, bytes and times, as C values."},
    {Py_tp_init, numbers_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, numbers_dealloc},
    {Py_tp_traverse, numbers_traverse},
    {Py_tp_clear, numbers_clear},
    {Py_tp_members, numbers_members},
    {Py_tp_getset, numbers_getset},
    {0, NULL}};

static PyType_Spec numbers_spec = {
    "streaminstr_speedups.Numbers", sizeof(Numbers), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, numbers_slots};

/* ---- what both kinds of steps have ---- */

typedef struct {
    Numbers numbers;
    PyObject *body, *iterator, *life, *turn;
    PyObject *run;     /* what `life.run` is, unless something else has taken its place meanwhile */
    PyObject *context; /* what `run` enters, where it does nothing else; NULL: it is called */
    PyObject *place;   /* `run`, if that looks first where it is called from; else NULL */
    State *state;
    void *caller; /* the frame that steps; only its address, and only while a step runs */
    char is_own_clock; /* whether this step has begun by the interpreter's clock, and so ends by it */
} Step;

typedef struct {
    Step step;
    PyObject *awaited;
} AsyncStep;

/* Note in which variables asgiref keeps a place: there is one asgiref in a process. */
static int is_known(State *state, PyObject *place) {
    PyTypeObject *type = Py_TYPE(place);
    PyObject *names, *executors = NULL, *pool = NULL;
    if (state->known != NULL) return state->known == type;
    state->place_executors = slot_of(type, state->executors);
    state->place_pool = slot_of(type, state->pool);
    state->place_thread = slot_of(type, state->thread);
    if (state->place_executors < 0 || state->place_pool < 0 || state->place_thread < 0) return 0;
    names = PyObject_GetAttr(place, state->names);
    if (names != NULL) executors = PyObject_GetAttr(names, state->executors);
    if (executors != NULL) pool = PyObject_GetAttr(names, state->pool);
    Py_XDECREF(names);
    if (pool != NULL && PyContextVar_CheckExact(executors) && PyContextVar_CheckExact(pool)) {
        Py_XSETREF(state->executors_variable, executors);
        Py_XSETREF(state->pool_variable, pool);
        state->known = (PyTypeObject *)Py_NewRef((PyObject *)type);
        return 1;
    }
    Py_XDECREF(executors);
    Py_XDECREF(pool);
    return 0;
}

/* The Context whose `run` this is; NULL: something else. Leaves no exception. */
static PyObject *context_of(PyObject *run) {
    PyObject *context = PyCFunction_Check(run) ? PyCFunction_GET_SELF(run) : NULL;
    return context != NULL && PyContext_CheckExact(context) ? Py_NewRef(context) : NULL;
}

/* Find the Context that `run` enters, where it does no more than that from the last step's place. */
static void step_find_context(Step *self) {
    PyObject *place = PyObject_GetAttr(self->life, self->state->place), *run = NULL;
    if (place == NULL || place != self->run) self->context = context_of(self->run);
    else {
        self->place = Py_NewRef(place);
        if (is_known(self->state, place)) run = PyObject_GetAttr(place, self->state->run);
        if (run != NULL) self->context = context_of(run);
        Py_XDECREF(run);
    }
    Py_XDECREF(place);
    PyErr_Clear(); /* a life or a place of another make */
}

/* Look up once what is imported only after this module. */
static int import_later(State *state) {
    PyObject *module, *life;
    if (state->globals != NULL) return 0;
    if ((module = PyImport_ImportModule("streaminstr._core.life")) == NULL) return -1;
    life = PyObject_GetAttrString(module, "Life");
    Py_DECREF(module);
    if (life == NULL || !PyType_Check(life)) {
        Py_XDECREF(life);
        return -1;
    }
    Py_XSETREF(state->life, (PyTypeObject *)life);
    state->life_closing = slot_of(state->life, state->closing);
    state->life_run = slot_of(state->life, state->run);
    if ((module = PyImport_ImportModule("streaminstr._core.step")) == NULL) return -1;
    state->globals = Py_NewRef(PyModule_GetDict(module));
    Py_DECREF(module);
    return 0;
}

static int step_init(PyObject *op, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"life", "body", "size_of", "plain", NULL};
    Step *self = (Step *)op;
    PyObject *life, *body, *size_of, *plain = (PyObject *)&PyBytes_Type;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO|O", names, &life, &body, &size_of, &plain))
        return -1;
    self->state = state_of(op);
    if (self->state == NULL || import_later(self->state) < 0) return -1;
    numbers_set(&self->numbers, size_of, plain);
    Py_XSETREF(self->life, Py_NewRef(life));
    Py_XSETREF(self->body, Py_NewRef(body));
    Py_XSETREF(self->iterator, Py_NewRef(Py_None));
    Py_XSETREF(self->turn, PyList_New(1));
    if (self->turn == NULL) return -1;
    PyList_SET_ITEM(self->turn, 0, Py_NewRef(Py_None));
    Py_CLEAR(self->context);
    Py_CLEAR(self->place);
    Py_XSETREF(self->run, PyObject_GetAttr(life, self->state->run));
    if (self->run == NULL) return -1;
    step_find_context(self);
    return 0;
}

static int step_traverse(PyObject *op, visitproc visit, void *arg) {
    Step *self = (Step *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->body);
    Py_VISIT(self->iterator);
    Py_VISIT(self->life);
    Py_VISIT(self->turn);
    Py_VISIT(self->run);
    Py_VISIT(self->context);
    Py_VISIT(self->place);
    return numbers_visit(&self->numbers, visit, arg);
}

static int step_clear(PyObject *op) {
    Step *self = (Step *)op;
    Py_CLEAR(self->body);
    Py_CLEAR(self->iterator);
    Py_CLEAR(self->life);
    Py_CLEAR(self->turn);
    Py_CLEAR(self->run);
    Py_CLEAR(self->context);
    Py_CLEAR(self->place);
    return numbers_clear(op);
}

static void step_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    step_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* `clock` of step.py, which a test or a library that moves the time may have replaced. */
static int read_clock(Step *self, double *now) {
    State *state = self->state;
    PyObject *clock = NULL, *value;
    TIME time;
    if (!self->is_own_clock) {
        if (state->globals != NULL) clock = PyDict_GetItemWithError(state->globals, state->clock);
        self->is_own_clock = clock == state->perf_counter || clock == NULL;
    }
    if (self->is_own_clock) {
        READ_CLOCK(&time);
        *now = SECONDS(time);
        return 0;
    }
    Py_INCREF(clock);
    value = PyObject_CallNoArgs(clock);
    Py_DECREF(clock);
    if (value == NULL) return -1;
    *now = PyFloat_AsDouble(value);
    Py_DECREF(value);
    return *now == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* `del turn[0]` and `turn.append(None)` of a list of one element, which keeps its memory. */
static int take_turn(Step *self) {
    PyListObject *turn = (PyListObject *)self->turn;
    if (turn == NULL || Py_SIZE(turn) == 0) return 0;
    if (Py_SIZE(turn) > 1) return PyList_SetSlice(self->turn, 0, 1, NULL) < 0 ? -1 : 1;
    Py_SET_SIZE(turn, 0);
    Py_CLEAR(turn->ob_item[0]);
    return 1;
}

static void give_turn(Step *self) {
    PyListObject *turn = (PyListObject *)self->turn;
    self->caller = NULL;
    if (turn == NULL) return;
    if (Py_SIZE(turn) == 0 && turn->allocated > 0) {
        turn->ob_item[0] = Py_NewRef(Py_None);
        Py_SET_SIZE(turn, 1);
    } else if (PyList_Append(self->turn, Py_None) < 0) PyErr_Clear();
}

/* Whether an end was asked for; -1 with an exception. */
static int is_closing(Step *self) {
    PyObject *closing;
    if (self->life == NULL) return 0;
    closing = get_slot(self->life, self->state->life, self->state->life_closing,
                       self->state->closing);
    if (closing == NULL) return -1;
    Py_DECREF(closing);
    return closing != Py_None;
}

static int count(Step *self, PyObject *chunk) {
    Numbers *numbers = &self->numbers;
    PyObject *result;
    double now;
    long long size;
    if (read_clock(self, &now) < 0) return -1;
    numbers->producer += now - numbers->entered;
    if (numbers->chunks == 0) numbers->first = now;
    else if (now - numbers->left > numbers->longest) numbers->longest = now - numbers->left;
    numbers->left = now;
    numbers->chunks++;
    if ((PyObject *)Py_TYPE(chunk) == numbers->plain) {
        size = PyBytes_CheckExact(chunk) ? PyBytes_GET_SIZE(chunk) : PyObject_Size(chunk);
        if (size < 0) return -1;
    } else {
        result = PyObject_CallOneArg(numbers->size_of, chunk);
        if (result == NULL) return -1;
        size = PyLong_AsLongLong(result);
        Py_DECREF(result);
        if (size == -1 && PyErr_Occurred()) return -1;
    }
    numbers->size += size;
    return 0;
}

/* Whether `variable` has the value that is in a slot of the place. */
static int is_kept(PyObject *variable, PyObject *place, Py_ssize_t offset) {
    PyObject *value;
    if (PyContextVar_Get(variable, Py_None, &value) < 0) return -1;
    Py_XDECREF(value);
    return value == in_slot(place, offset);
}

/* Whether a step can enter the Context itself: it comes from the place of the last one. */
static int is_same_place(Step *self, PyObject *run) {
    State *state = self->state;
    PyObject *place = self->place, *thread;
    int is_same;
    if (self->context == NULL || run != self->run) return 0;
    if (place == NULL) return 1;
    thread = in_slot(place, state->place_thread);
    is_same = thread != NULL && PyLong_Check(thread) &&
              PyLong_AsUnsignedLong(thread) == PyThread_get_thread_ident() &&
              is_kept(state->executors_variable, place, state->place_executors) > 0 &&
              is_kept(state->pool_variable, place, state->place_pool) > 0;
    if (!is_same) PyErr_Clear(); /* `way` finds out */
    return is_same;
}

static void note_caller(Step *self) {
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    self->caller = frame;
    Py_XDECREF(frame);
}

static PyObject *step_caller(PyObject *self, void *unused) {
    return PyLong_FromVoidPtr(((Step *)self)->caller);
}

static PyMemberDef step_members[] = {
    {"_body", T_OBJECT, offsetof(Step, body)},
    {"_iterator", T_OBJECT, offsetof(Step, iterator)},
    {"_life", T_OBJECT, offsetof(Step, life)},
    {"_turn", T_OBJECT, offsetof(Step, turn)},
    {NULL}};

static PyMemberDef async_step_members[] = {
    {"_body", T_OBJECT, offsetof(Step, body)},
    {"_iterator", T_OBJECT, offsetof(Step, iterator)},
    {"_life", T_OBJECT, offsetof(Step, life)},
    {"_turn", T_OBJECT, offsetof(Step, turn)},
    {"awaited", T_OBJECT, offsetof(AsyncStep, awaited)},
    {NULL}};

static PyGetSetDef step_getset[] = {
    {"stepped_from", step_caller, NULL, "The id of the frame that is stepping; 0: none."}, {NULL}};

/* `life.run`, which is read at each step: what cuts a stream into segments stands there once. */
static PyObject *life_run(Step *self) {
    if (self->life != NULL)
        return get_slot(self->life, self->state->life, self->state->life_run, self->state->run);
    PyErr_SetString(PyExc_RuntimeError, "the stream is no more"); /* cleared by the collector */
    return NULL;
}

/* `run(function, argument)` */
static PyObject *call_run(PyObject *run, PyObject *function, PyObject *argument) {
    PyObject *arguments[2] = {function, argument};
    return PyObject_Vectorcall(run, arguments, 2, NULL);
}

/* `(run.way() if run is life.place else run)(function, argument)` */
static PyObject *run_from_here(Step *self, PyObject *run, PyObject *function, PyObject *argument) {
    PyObject *result;
    if (run != self->place) return call_run(run, function, argument);
    run = PyObject_CallMethodNoArgs(run, self->state->way);
    if (run == NULL) return NULL;
    result = call_run(run, function, argument);
    Py_DECREF(run);
    return result;
}

/* ---- the step of a sync body ---- */

enum { LOOK = 0xff }; /* how many steps are taken between two looks */

/* Python looks for signals, and lets other threads run, in code of its own. Where the consumer is
 * `list` and the body `itertools.repeat` there is none, and the stream could never be closed. */
static int look_around(void) {
    if (PyErr_CheckSignals() < 0) return -1;
    Py_BEGIN_ALLOW_THREADS;
    Py_END_ALLOW_THREADS;
    return 0;
}

static PyObject *advance_in_context(Step *self, PyObject *advance) {
    PyObject *iterator, *chunk = NULL, *run = life_run(self);
    if (run == NULL) return NULL;
    iterator = Py_NewRef(self->iterator);
    if (!is_same_place(self, run)) {
        chunk = run_from_here(self, run, advance == NULL ? self->state->next : advance, iterator);
    } else if (PyContext_Enter(self->context) == 0) {
        PyObject *context = Py_NewRef(self->context);
        if (advance != NULL) chunk = PyObject_CallOneArg(advance, iterator);
        else if (PyIter_Check(iterator)) chunk = Py_TYPE(iterator)->tp_iternext(iterator);
        else
            PyErr_Format(PyExc_TypeError, "'%.200s' object is not an iterator",
                         Py_TYPE(iterator)->tp_name);
        if (PyContext_Exit(context) < 0) Py_CLEAR(chunk);
        Py_DECREF(context);
    }
    Py_DECREF(iterator);
    Py_DECREF(run);
    if (chunk == NULL && !PyErr_Occurred()) PyErr_SetNone(PyExc_StopIteration);
    return chunk;
}

/* The end of a step that raises: say so, give the turn back, and raise. */
static void step_raises(Step *self) {
    PyObject *error = take_error(), *done;
    int closing;
    done = call_handling((PyObject *)self, self->state->_raised, error, error);
    if (done == NULL) Py_SETREF(error, take_error());
    Py_XDECREF(done);
    give_turn(self);
    closing = is_closing(self);
    if (closing > 0) {
        done = call_handling((PyObject *)self, self->state->_stop, NULL, error);
        closing = done == NULL ? -1 : 0;
        Py_XDECREF(done);
    }
    if (closing < 0) Py_DECREF(error);
    else put_error(error);
}

/* One step; steals `advance`, which is NULL for `next`. */
static PyObject *take_step(Step *self, PyObject *advance) {
    State *state = self->state;
    PyObject *chunk = NULL, *done, *given = advance;
    int has_turn, closing;
    if (self->turn == NULL) {
        PyErr_SetNone(PyExc_StopIteration); /* cleared by the garbage collector */
        Py_XDECREF(advance);
        return NULL;
    }
    if (Py_EnterRecursiveCall(" while stepping a stream")) {
        Py_XDECREF(advance);
        return NULL;
    }
    Py_INCREF(self);
    has_turn = take_turn(self);
    if (has_turn <= 0) {
        if (has_turn == 0) chunk = PyObject_CallMethodNoArgs((PyObject *)self, state->_busy);
        goto over;
    }
    note_caller(self);
    self->is_own_clock = 0;
    if ((self->numbers.chunks & LOOK) == LOOK && look_around() < 0) goto raised;
    if (self->iterator == Py_None || self->iterator == NULL) {
        given = advance == NULL ? Py_NewRef(state->next) : advance;
        advance = PyObject_CallMethodOneArg((PyObject *)self, state->_begin, given);
        Py_DECREF(given);
        if (advance == NULL) goto raised;
        if (advance == state->next) Py_CLEAR(advance);
    } else if (read_clock(self, &self->numbers.entered) < 0) goto raised;
    chunk = advance_in_context(self, advance);
    if (chunk == NULL || count(self, chunk) < 0) goto raised;
    give_turn(self);
    closing = is_closing(self);
    if (closing > 0) {
        done = PyObject_CallMethodNoArgs((PyObject *)self, state->_stop);
        closing = done == NULL ? -1 : 0;
        Py_XDECREF(done);
    }
    if (closing < 0) Py_CLEAR(chunk);
    goto over;
raised:
    Py_CLEAR(chunk);
    step_raises(self);
over:
    Py_XDECREF(advance);
    Py_DECREF(self);
    Py_LeaveRecursiveCall();
    return chunk;
}

static PyObject *step_next(PyObject *self) { return take_step((Step *)self, NULL); }

static PyObject *step_step(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    if (count > 1) {
        PyErr_SetString(PyExc_TypeError, "step() takes at most one argument");
        return NULL;
    }
    return take_step((Step *)self, count == 0 ? NULL : Py_NewRef(args[0]));
}

static PyMethodDef step_methods[] = {
    {"step", (PyCFunction)(void (*)(void))step_step, METH_FASTCALL, "The next chunk."}, {NULL}};

static PyType_Slot step_slots[] = {
    {Py_tp_doc, "Steps a sync body: see streaminstr._core.step."},
    {Py_tp_init, step_init},
    {Py_tp_dealloc, step_dealloc},
    {Py_tp_traverse, step_traverse},
    {Py_tp_clear, step_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, step_next},
    {Py_tp_members, step_members},
    {Py_tp_getset, step_getset},
    {Py_tp_methods, step_methods},
    {0, NULL}};

static PyType_Spec step_spec = {
    "streaminstr_speedups.Step", sizeof(Step), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, step_slots};

/* ---- the step of an async body ---- */

enum { FRESH, STEPPING, DELEGATING, OVER };

struct Awaiting {
    PyObject_HEAD
    Step *stream;
    PyObject *advance; /* NULL: `anext` */
    PyObject *run;     /* `life.run` as the step began, which runs all of it */
    PyObject *inner;   /* what is driven: the body's step, `_busy()` or `aclose()` */
    PyObject *chunk;   /* what is returned after `aclose()`; NULL: what `inner` returns */
    PyObject *error;   /* what is raised after `aclose()` */
    char state, executing;
};

/* A step that is over is used again: most wait for nothing, so that one at a time is in use. */
static Awaiting *awaiting_take(State *state) {
    Awaiting *self = state->spare;
    if (self == NULL) return PyObject_GC_New(Awaiting, state->awaiting);
    state->spare = NULL;
    (void)Py_NewRef((PyObject *)state->awaiting);
    _Py_NewReference((PyObject *)self);
    return self;
}

static PyObject *awaiting_new(PyObject *op, PyObject *advance) {
    Step *stream = (Step *)op;
    Awaiting *self;
    if (stream->state == NULL || stream->state->awaiting == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the stream was not initialized, or is no more");
        return NULL;
    }
    self = awaiting_take(stream->state);
    if (self == NULL) return NULL;
    self->stream = (Step *)Py_NewRef(op);
    self->advance = Py_XNewRef(advance);
    self->run = self->inner = self->chunk = self->error = NULL;
    self->state = FRESH;
    self->executing = 0;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

/* What `await` drives; steals `awaitable`. Called in the Context. */
static PyObject *driven(State *state, PyObject *awaitable) {
    PyObject *steps;
    if (awaitable == NULL || PyCoro_CheckExact(awaitable) || PyGen_CheckExact(awaitable) ||
        Py_TYPE(awaitable) == state->asend)
        return awaitable;
    steps = PyObject_CallOneArg(state->steps_of, awaitable);
    Py_DECREF(awaitable);
    return steps;
}

/* Ask the body for a step; called in the Context. */
static PyObject *ask(Awaiting *self) {
    PyObject *iterator = self->stream->iterator, *awaitable;
    PyAsyncMethods *methods = Py_TYPE(iterator)->tp_as_async;
    if (self->advance == NULL && (methods == NULL || methods->am_anext == NULL)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' object is not an async iterator",
                     Py_TYPE(iterator)->tp_name);
        return NULL;
    }
    Py_INCREF(iterator);
    awaitable = self->advance == NULL ? methods->am_anext(iterator)
                                      : PyObject_CallOneArg(self->advance, iterator);
    Py_DECREF(iterator);
    return driven(self->stream->state, awaitable);
}

/* The same with the means of `run`. */
static PyObject *ask_by_run(Awaiting *self) {
    Step *stream = self->stream;
    State *state = stream->state;
    PyObject *advance = self->advance == NULL ? state->anext : self->advance;
    PyObject *iterator = Py_NewRef(stream->iterator), *awaitable, *steps;
    awaitable = call_run(self->run, advance, iterator);
    Py_DECREF(iterator);
    if (awaitable == NULL || PyCoro_CheckExact(awaitable) || PyGen_CheckExact(awaitable) ||
        Py_TYPE(awaitable) == state->asend)
        return awaitable;
    steps = call_run(self->run, state->steps_of, awaitable);
    Py_DECREF(awaitable);
    return steps;
}

static PySendResult as_sent(PyObject *value, PyObject **result) {
    *result = value;
    if (value != NULL) return PYGEN_NEXT;
    *result = stop_value();
    return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PySendResult throw_into(State *state, PyObject *steps, PyObject *error, PyObject **result) {
    return as_sent(PyObject_CallMethodOneArg(steps, state->throw_, error), result);
}

/* Drive the body's step in the Context: send `value`, or throw `error` where that is not NULL. */
static PySendResult drive(Awaiting *self, PyObject *value, PyObject *error, PyObject **result) {
    Step *stream = self->stream;
    State *state = stream->state;
    PySendResult how = PYGEN_ERROR;
    PyObject *context, *steps;
    *result = NULL;
    if (is_same_place(stream, self->run)) {
        if (PyContext_Enter(stream->context) < 0) return PYGEN_ERROR;
        context = Py_NewRef(stream->context);
        if (self->inner == NULL) self->inner = ask(self);
        if (self->inner != NULL) {
            steps = Py_NewRef(self->inner);
            how = error == NULL ? PyIter_Send(steps, value, result)
                                : throw_into(state, steps, error, result);
            Py_DECREF(steps);
        }
        if (PyContext_Exit(context) < 0) {
            Py_CLEAR(*result);
            how = PYGEN_ERROR;
        }
        Py_DECREF(context);
        return how;
    }
    if (self->inner == NULL) {
        self->inner = ask_by_run(self);
        if (self->inner == NULL) return PYGEN_ERROR;
    }
    PyObject *method = PyObject_GetAttr(self->inner, error == NULL ? state->send : state->throw_);
    if (method == NULL) return PYGEN_ERROR;
    how = as_sent(run_from_here(stream, self->run, method, error == NULL ? value : error), result);
    Py_DECREF(method);
    return how;
}

static PySendResult delegate(Awaiting *self, PyObject *value, PyObject *error, PyObject **result);

/* Go on with `inner`, a coroutine of the stream's own, which is then what the step waits for. */
static PySendResult begin_to_delegate(Awaiting *self, PyObject *inner, PyObject **result) {
    Py_XSETREF(self->inner, inner);
    if (inner == NULL) {
        self->state = OVER;
        Py_CLEAR(self->chunk);
        Py_CLEAR(self->error);
        return PYGEN_ERROR;
    }
    self->state = DELEGATING;
    return delegate(self, Py_None, NULL, result);
}

/* The end of a step that raises: say so, give the turn back, and raise. */
static PySendResult awaiting_raises(Awaiting *self, PyObject **result) {
    Step *stream = self->stream;
    State *state = stream->state;
    PyObject *error = take_error(), *done;
    int last = 1, closing;
    *result = NULL;
    done = call_handling((PyObject *)stream, state->_raised, error, error);
    if (done != NULL) {
        last = PyObject_IsTrue(done);
        Py_DECREF(done);
    }
    if (done == NULL || last < 0) {
        Py_SETREF(error, take_error());
        last = 1;
    }
    give_turn(stream);
    self->state = OVER;
    Py_CLEAR(self->inner);
    Py_CLEAR(self->advance);
    Py_CLEAR(self->run);
    closing = is_closing(stream);
    if (closing > 0 && last) {
        done = call_handling((PyObject *)stream, state->close, NULL, error);
        closing = done == NULL ? -1 : 0;
        Py_XDECREF(done);
    } else if (closing > 0) {
        self->error = error;
        return begin_to_delegate(
            self, call_handling((PyObject *)stream, state->aclose, NULL, error), result);
    }
    if (closing < 0) Py_DECREF(error);
    else put_error(error);
    return PYGEN_ERROR;
}

static PySendResult awaiting_returns(Awaiting *self, PyObject **result) {
    Step *stream = self->stream;
    int closing;
    if (count(stream, *result) < 0) {
        Py_CLEAR(*result);
        return awaiting_raises(self, result);
    }
    give_turn(stream);
    self->state = OVER;
    Py_CLEAR(self->inner);
    Py_CLEAR(self->advance);
    Py_CLEAR(self->run);
    closing = is_closing(stream);
    if (closing == 0) return PYGEN_RETURN;
    self->chunk = *result;
    *result = NULL;
    if (closing < 0) return begin_to_delegate(self, NULL, result);
    return begin_to_delegate(
        self, PyObject_CallMethodNoArgs((PyObject *)stream, stream->state->aclose), result);
}

/* An error has come out of a step that has waited: the body may have been interrupted. */
static PySendResult check_interrupt(Awaiting *self, PyObject **result) {
    Step *stream = self->stream;
    State *state = stream->state;
    PyObject *error = take_error(), *answer;
    int is_interrupt;
    answer = call_handling((PyObject *)stream, state->is_interrupt, error, error);
    is_interrupt = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    if (is_interrupt == 0) {
        put_error(error);
        return PYGEN_ERROR;
    }
    if (is_interrupt > 0)
        *result = call_handling((PyObject *)stream, state->last_chunk, NULL, error);
    Py_DECREF(error);
    return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PySendResult after(Awaiting *self, PySendResult how, PyObject **result) {
    if (how == PYGEN_NEXT) {
        self->stream->caller = NULL;
        Py_XSETREF(((AsyncStep *)self->stream)->awaited, Py_NewRef(*result));
        return how;
    }
    return how == PYGEN_RETURN ? awaiting_returns(self, result) : awaiting_raises(self, result);
}

static PySendResult begin_step(Awaiting *self, PyObject **result) {
    Step *stream = self->stream;
    State *state = stream->state;
    PyObject *given;
    int has_turn;
    self->run = life_run(stream);
    if (self->run == NULL) return begin_to_delegate(self, NULL, result);
    has_turn = take_turn(stream);
    if (has_turn < 0) return begin_to_delegate(self, NULL, result);
    if (has_turn == 0)
        return begin_to_delegate(
            self, PyObject_CallMethodNoArgs((PyObject *)stream, state->_busy), result);
    self->state = STEPPING;
    note_caller(stream);
    stream->is_own_clock = 0;
    if (stream->iterator == Py_None || stream->iterator == NULL) {
        given = self->advance == NULL ? Py_NewRef(state->anext) : self->advance;
        self->advance = PyObject_CallMethodOneArg((PyObject *)stream, state->_begin, given);
        Py_DECREF(given);
        if (self->advance == NULL) return awaiting_raises(self, result);
        if (self->advance == state->anext) Py_CLEAR(self->advance);
    } else if (read_clock(stream, &stream->numbers.entered) < 0)
        return awaiting_raises(self, result);
    return after(self, drive(self, Py_None, NULL, result), result);
}

/* Await `inner` as it is: a coroutine of the stream's own that is no part of the body's step. */
static PySendResult delegate(Awaiting *self, PyObject *value, PyObject *error, PyObject **result) {
    PyObject *outer = NULL, *inner = Py_NewRef(self->inner), *closed;
    PySendResult how;
    *result = NULL;
    if (self->error != NULL) {
        outer = PyErr_GetHandledException();
        PyErr_SetHandledException(self->error);
    }
    if (error == NULL) how = PyIter_Send(inner, value, result);
    else if (!PyErr_GivenExceptionMatches(error, PyExc_GeneratorExit))
        how = throw_into(self->stream->state, inner, error, result);
    else {
        closed = PyObject_CallMethodNoArgs(inner, self->stream->state->close);
        if (closed != NULL) put_error(Py_NewRef(error));
        Py_XDECREF(closed);
        how = PYGEN_ERROR;
    }
    if (self->error != NULL) {
        PyErr_SetHandledException(outer);
        Py_XDECREF(outer);
    }
    Py_DECREF(inner);
    if (how == PYGEN_NEXT) return how;
    self->state = OVER;
    Py_CLEAR(self->inner);
    if (how == PYGEN_RETURN && self->error != NULL) {
        Py_CLEAR(*result);
        put_error(self->error);
        self->error = NULL;
        return PYGEN_ERROR;
    }
    if (how == PYGEN_RETURN && self->chunk != NULL) {
        Py_SETREF(*result, self->chunk);
        self->chunk = NULL;
    }
    Py_CLEAR(self->chunk);
    Py_CLEAR(self->error);
    return how;
}

/* A StopIteration would say that the step has returned: as in a coroutine, none comes out. */
static PySendResult no_stop(PySendResult how) {
    PyObject *stop, *error;
    if (how != PYGEN_ERROR || !PyErr_ExceptionMatches(PyExc_StopIteration)) return how;
    stop = take_error();
    PyErr_SetString(PyExc_RuntimeError, "coroutine raised StopIteration");
    error = take_error();
    PyException_SetCause(error, Py_NewRef(stop));
    PyException_SetContext(error, stop);
    put_error(error);
    return how;
}

/* Send `value`, or throw `error` where that is not NULL, as to a coroutine. */
static PySendResult awaiting_go_on(Awaiting *self, PyObject *value, PyObject *error,
                                   PyObject **result) {
    PySendResult how = PYGEN_ERROR;
    Step *stream;
    *result = NULL;
    if (self->executing || self->state == OVER) {
        if (self->executing) PyErr_SetString(PyExc_ValueError, "coroutine already executing");
        else PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
    if (self->state == FRESH && error != NULL) {
        self->state = OVER;
        put_error(Py_NewRef(error));
        /* From 3.12 on the code of a coroutine sees to this, and none of it has run. */
        return PY_VERSION_HEX < 0x030C0000 ? no_stop(PYGEN_ERROR) : PYGEN_ERROR;
    }
    if (self->state == FRESH && value != Py_None) {
        PyErr_SetString(PyExc_TypeError,
                        "can't send non-None value to a just-started coroutine");
        return PYGEN_ERROR;
    }
    if (Py_EnterRecursiveCall(" while stepping a stream")) {
        if (self->state == FRESH) self->state = OVER;
        return PYGEN_ERROR;
    }
    Py_INCREF(self);
    self->executing = 1;
    stream = self->stream;
    if (self->state == FRESH) how = begin_step(self, result);
    else if (self->state == DELEGATING) how = delegate(self, value, error, result);
    else {
        Py_XSETREF(((AsyncStep *)stream)->awaited, Py_NewRef(Py_None));
        note_caller(stream);
        how = drive(self, value, error, result);
        if (how == PYGEN_ERROR) how = check_interrupt(self, result);
        how = after(self, how, result);
    }
    self->executing = 0;
    Py_DECREF(self);
    Py_LeaveRecursiveCall();
    return no_stop(how);
}

static PySendResult awaiting_am_send(PyObject *self, PyObject *value, PyObject **result) {
    return awaiting_go_on((Awaiting *)self, value == NULL ? Py_None : value, NULL, result);
}

/* As the result of a method: what is returned is raised as StopIteration. */
static PyObject *as_method(PySendResult how, PyObject *result) {
    PyObject *stop;
    if (how != PYGEN_RETURN) return result;
    stop = result == Py_None ? PyObject_CallNoArgs(PyExc_StopIteration)
                             : PyObject_CallOneArg(PyExc_StopIteration, result);
    Py_DECREF(result);
    if (stop != NULL) put_error(stop);
    return NULL;
}

static PyObject *awaiting_send(PyObject *self, PyObject *value) {
    PyObject *result;
    PySendResult how = awaiting_go_on((Awaiting *)self, value, NULL, &result);
    return as_method(how, result);
}

static PyObject *awaiting_next(PyObject *self) { return awaiting_send(self, Py_None); }

/* The exception that `throw(type, value, traceback)` means. */
static PyObject *thrown(PyObject *const *args, Py_ssize_t count) {
    PyObject *type, *value, *traceback;
    if (count < 1 || count > 3) {
        PyErr_SetString(PyExc_TypeError, "throw() takes one to three arguments");
        return NULL;
    }
    type = args[0];
    value = count > 1 && args[1] != Py_None ? args[1] : NULL;
    traceback = count > 2 && args[2] != Py_None ? args[2] : NULL;
    if (traceback != NULL && !PyTraceBack_Check(traceback)) {
        PyErr_SetString(PyExc_TypeError, "throw() third argument must be a traceback object");
        return NULL;
    }
    if (PyExceptionInstance_Check(type)) {
        if (value != NULL) {
            PyErr_SetString(PyExc_TypeError, "instance exception may not have a separate value");
            return NULL;
        }
        value = Py_NewRef(type);
    } else if (PyExceptionClass_Check(type)) {
        if (value != NULL && PyExceptionInstance_Check(value)) value = Py_NewRef(value);
        else if (value != NULL && PyTuple_Check(value)) value = PyObject_CallObject(type, value);
        else value = value == NULL ? PyObject_CallNoArgs(type) : PyObject_CallOneArg(type, value);
        if (value != NULL && !PyExceptionInstance_Check(value)) {
            PyErr_SetString(PyExc_TypeError, "exceptions must derive from BaseException");
            Py_CLEAR(value);
        }
    } else {
        PyErr_Format(PyExc_TypeError,
                     "exceptions must be classes or instances deriving from BaseException, not %s",
                     Py_TYPE(type)->tp_name);
        return NULL;
    }
    if (value != NULL && traceback != NULL) PyException_SetTraceback(value, traceback);
    return value;
}

static PyObject *awaiting_throw(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    PyObject *error = thrown(args, count), *result;
    PySendResult how;
    if (error == NULL) return NULL;
    how = awaiting_go_on((Awaiting *)self, NULL, error, &result);
    Py_DECREF(error);
    return as_method(how, result);
}

static PyObject *awaiting_close(PyObject *op, PyObject *unused) {
    Awaiting *self = (Awaiting *)op;
    PyObject *error, *result;
    PySendResult how;
    if (self->executing) {
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
        return NULL;
    }
    if (self->state == FRESH || self->state == OVER) {
        self->state = OVER;
        Py_RETURN_NONE;
    }
    error = PyObject_CallNoArgs(PyExc_GeneratorExit);
    if (error == NULL) return NULL;
    how = awaiting_go_on(self, NULL, error, &result);
    Py_DECREF(error);
    Py_XDECREF(result);
    if (how == PYGEN_NEXT) {
        PyErr_SetString(PyExc_RuntimeError, "coroutine ignored GeneratorExit");
        return NULL;
    }
    if (how == PYGEN_ERROR) {
        if (!PyErr_ExceptionMatches(PyExc_GeneratorExit) &&
            !PyErr_ExceptionMatches(PyExc_StopIteration))
            return NULL;
        PyErr_Clear();
    }
    Py_RETURN_NONE;
}

static void awaiting_finalize(PyObject *op) {
    Awaiting *self = (Awaiting *)op;
    PyObject *raised, *closed = Py_None;
    if (self->state == OVER || self->executing || self->stream == NULL) return;
    raised = take_error();
    if (self->state == FRESH) {
        self->state = OVER;
        if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%U' was never awaited",
                             self->stream->state->never_awaited) < 0)
            closed = NULL;
    } else if ((closed = awaiting_close(op, NULL)) != NULL) Py_DECREF(closed);
    if (closed == NULL) PyErr_WriteUnraisable(op);
    if (raised != NULL) put_error(raised);
}

static int awaiting_traverse(PyObject *op, visitproc visit, void *arg) {
    Awaiting *self = (Awaiting *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->stream);
    Py_VISIT(self->advance);
    Py_VISIT(self->run);
    Py_VISIT(self->inner);
    Py_VISIT(self->chunk);
    Py_VISIT(self->error);
    return 0;
}

static int awaiting_clear(PyObject *op) {
    Awaiting *self = (Awaiting *)op;
    self->state = OVER;
    Py_CLEAR(self->advance);
    Py_CLEAR(self->run);
    Py_CLEAR(self->inner);
    Py_CLEAR(self->chunk);
    Py_CLEAR(self->error);
    Py_CLEAR(self->stream);
    return 0;
}

static void awaiting_dealloc(PyObject *op) {
    Awaiting *self = (Awaiting *)op;
    PyTypeObject *type = Py_TYPE(op);
    State *state = self->stream == NULL ? NULL : self->stream->state;
    if (self->state != OVER && PyObject_CallFinalizerFromDealloc(op) < 0) return;
    PyObject_GC_UnTrack(op);
    awaiting_clear(op); /* may end the stream; the type keeps the module and its state */
    /* What was finalized once would not be finalized again, and is not used again. */
    if (state != NULL && state->spare == NULL && state->awaiting == type &&
        !PyObject_GC_IsFinalized(op))
        state->spare = self;
    else PyObject_GC_Del(op);
    Py_DECREF(type);
}

static PyObject *awaiting_name(PyObject *op, void *unused) {
    Awaiting *self = (Awaiting *)op;
    return self->stream == NULL ? PyUnicode_FromString("AsyncStep.step")
                                : Py_NewRef(self->stream->state->never_awaited);
}

static PyObject *awaiting_running(PyObject *self, void *unused) {
    return PyBool_FromLong(((Awaiting *)self)->executing);
}

static PyObject *awaiting_none(PyObject *self, void *unused) { Py_RETURN_NONE; }

static PyMemberDef awaiting_members[] = {
    {"cr_await", T_OBJECT, offsetof(Awaiting, inner), READONLY, "What is awaited, or None."},
    {NULL}};

static PyGetSetDef awaiting_getset[] = {
    {"__name__", awaiting_name, NULL},
    {"__qualname__", awaiting_name, NULL},
    {"cr_running", awaiting_running, NULL, "Whether it is running now."},
    {"cr_frame", awaiting_none, NULL, "None: it has no frame."},
    {NULL}};

static PyMethodDef awaiting_methods[] = {
    {"send", awaiting_send, METH_O, "Go on with a value."},
    {"throw", (PyCFunction)(void (*)(void))awaiting_throw, METH_FASTCALL, "Raise an error in it."},
    {"close", awaiting_close, METH_NOARGS, "Raise GeneratorExit in it."},
    {NULL}};

static PyType_Slot awaiting_slots[] = {
    {Py_tp_doc, "One step of an async body, which is awaited once, as a coroutine."},
    {Py_tp_dealloc, awaiting_dealloc},
    {Py_tp_finalize, awaiting_finalize},
    {Py_tp_traverse, awaiting_traverse},
    {Py_tp_clear, awaiting_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, awaiting_next},
    {Py_am_await, PyObject_SelfIter},
    {Py_am_send, awaiting_am_send},
    {Py_tp_members, awaiting_members},
    {Py_tp_getset, awaiting_getset},
    {Py_tp_methods, awaiting_methods},
    {0, NULL}};

static PyType_Spec awaiting_spec = {
    "streaminstr_speedups.Awaiting", sizeof(Awaiting), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, awaiting_slots};

static PyObject *async_step_anext(PyObject *self) { return awaiting_new(self, NULL); }

static PyObject *async_step_step(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    if (count > 1) {
        PyErr_SetString(PyExc_TypeError, "step() takes at most one argument");
        return NULL;
    }
    State *state = ((Step *)self)->state;
    if (count == 0 || (state != NULL && args[0] == state->anext)) return awaiting_new(self, NULL);
    return awaiting_new(self, args[0]);
}

static int async_step_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((AsyncStep *)self)->awaited);
    return step_traverse(self, visit, arg);
}

static int async_step_clear(PyObject *self) {
    Py_CLEAR(((AsyncStep *)self)->awaited);
    return step_clear(self);
}

static void async_step_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((AsyncStep *)self)->awaited);
    step_dealloc(self);
}

static PyMethodDef async_step_methods[] = {
    {"step", (PyCFunction)(void (*)(void))async_step_step, METH_FASTCALL, "The next chunk."},
    {NULL}};

static PyType_Slot async_step_slots[] = {
    {Py_tp_doc, "Steps an async body: see streaminstr._core.step."},
    {Py_tp_init, step_init},
    {Py_tp_dealloc, async_step_dealloc},
    {Py_tp_traverse, async_step_traverse},
    {Py_tp_clear, async_step_clear},
    {Py_am_aiter, PyObject_SelfIter},
    {Py_am_anext, async_step_anext},
    {Py_tp_members, async_step_members},
    {Py_tp_getset, step_getset},
    {Py_tp_methods, async_step_methods},
    {0, NULL}};

static PyType_Spec async_step_spec = {
    "streaminstr_speedups.AsyncStep", sizeof(AsyncStep), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, async_step_slots};

/* ---- the module ---- */

static int import_names(State *state) {
    PyObject *module = PyImport_ImportModule("builtins");
    if (module == NULL) return -1;
    state->next = PyObject_GetAttrString(module, "next");
    state->anext = PyObject_GetAttrString(module, "anext");
    Py_DECREF(module);
    if ((module = PyImport_ImportModule("time")) == NULL) return -1;
    state->perf_counter = PyObject_GetAttrString(module, "perf_counter");
    Py_DECREF(module);
    if ((module = PyImport_ImportModule("streaminstr._core.within")) == NULL) return -1;
    state->steps_of = PyObject_GetAttrString(module, "steps_of");
    state->asend = (PyTypeObject *)PyObject_GetAttrString(module, "ASEND");
    Py_DECREF(module);
    return state->next && state->anext && state->perf_counter && state->steps_of && state->asend
               ? 0
               : -1;
}

static int intern_names(State *state) {
    struct {
        PyObject **where;
        const char *text;
    } names[] = {
        {&state->_begin, "_begin"}, {&state->_busy, "_busy"}, {&state->_raised, "_raised"},
        {&state->_stop, "_stop"}, {&state->aclose, "aclose"}, {&state->close, "close"},
        {&state->is_interrupt, "is_interrupt"}, {&state->last_chunk, "last_chunk"},
        {&state->clock, "clock"}, {&state->closing, "closing"}, {&state->executors, "executors"},
        {&state->way, "way"}, {&state->names, "names"}, {&state->place, "place"},
        {&state->pool, "pool"}, {&state->run, "run"}, {&state->send, "send"},
        {&state->thread, "thread"}, {&state->throw_, "throw"},
        {&state->never_awaited, "AsyncStep.step"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((*names[i].where = PyUnicode_InternFromString(names[i].text)) == NULL) return -1;
    return 0;
}

static int make_types(PyObject *module, State *state) {
    PyObject *base;
    state->numbers = (PyTypeObject *)PyType_FromModuleAndSpec(module, &numbers_spec, NULL);
    if (state->numbers == NULL) return -1;
    base = (PyObject *)state->numbers;
    state->step = (PyTypeObject *)PyType_FromModuleAndSpec(module, &step_spec, base);
    state->async_step = (PyTypeObject *)PyType_FromModuleAndSpec(module, &async_step_spec, base);
    state->awaiting = (PyTypeObject *)PyType_FromModuleAndSpec(module, &awaiting_spec, NULL);
    if (!state->step || !state->async_step || !state->awaiting) return -1;
    if (PyModule_AddType(module, state->numbers) < 0 || PyModule_AddType(module, state->step) < 0 ||
        PyModule_AddType(module, state->async_step) < 0 ||
        PyModule_AddType(module, state->awaiting) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "__version__", VERSION);
}

static int module_exec(PyObject *module) {
    State *state = PyModule_GetState(module);
    return import_names(state) < 0 || intern_names(state) < 0 ? -1 : make_types(module, state);
}

#define OBJECTS(state)                                                                            \
    {(PyObject **)&(state)->numbers, (PyObject **)&(state)->step,                                 \
     (PyObject **)&(state)->async_step, (PyObject **)&(state)->awaiting,                          \
     (PyObject **)&(state)->asend, &(state)->next, &(state)->anext, &(state)->perf_counter,       \
     &(state)->steps_of, &(state)->globals, &(state)->_begin, &(state)->_busy, &(state)->_raised, \
     &(state)->_stop, &(state)->aclose, &(state)->close, &(state)->is_interrupt,                  \
     &(state)->last_chunk, &(state)->clock, &(state)->closing, &(state)->executors,               \
     &(state)->way, &(state)->names, &(state)->place, &(state)->pool, &(state)->run,             \
     &(state)->send, &(state)->thread, &(state)->throw_, &(state)->never_awaited,                 \
     (PyObject **)&(state)->life, (PyObject **)&(state)->known, &(state)->executors_variable,     \
     &(state)->pool_variable}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    State *state = PyModule_GetState(module);
    PyObject **objects[] = OBJECTS(state);
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) Py_VISIT(*objects[i]);
    return 0;
}

/* Only what makes a reference cycle: streams that are dropped later need the rest. */
static int module_clear(PyObject *module) {
    State *state = PyModule_GetState(module);
    if (state->spare != NULL) {
        PyObject_GC_Del(state->spare);
        state->spare = NULL;
    }
    Py_CLEAR(state->globals);
    Py_CLEAR(state->life);
    Py_CLEAR(state->known);
    Py_CLEAR(state->numbers);
    Py_CLEAR(state->step);
    Py_CLEAR(state->async_step);
    Py_CLEAR(state->awaiting);
    return 0;
}

static void module_free(void *module) {
    State *state = PyModule_GetState(module);
    (void)module_clear(module);
    PyObject **objects[] = OBJECTS(state);
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) Py_CLEAR(*objects[i]);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "streaminstr_speedups",
    .m_doc = "The compiled step of streaminstr.",
    .m_size = sizeof(State),
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit_streaminstr_speedups(void) { return PyModuleDef_Init(&definition); }
