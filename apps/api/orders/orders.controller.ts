import type { Actor } from '@interlock/access';
import {
  CancelOrder,
  GetOrder,
  ListOrders,
  type OrderFilter,
  type OrderRequest,
  type OrderStatus,
  PlaceOrders,
} from '@interlock/orders';
import { REFUSAL_CODES } from '@interlock/risk-guards';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import {
  ApiAcceptedResponse,
  ApiBody,
  ApiCreatedResponse,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ID } from '../docs/fields.js';
import { idempotencyKeyOf, refuseKeyInHeader } from '../execution/idempotency-key.js';
import { Access } from '../http/access.decorator.js';
import { ApiError, type FieldErrors, invalid, notFound } from '../http/api-error.js';
import { isId } from '../http/constraints.js';
import { judgePart } from '../http/dto.pipe.js';
import { listAnswer, pageOf } from '../http/page.dto.js';
import { Refusals } from '../http/refusals.decorator.js';
import { Caller } from '../http/request-context.js';
import { answerTo, refusedAmongOthers } from './order-results.js';
import {
  OrderAnswer,
  OrdersAnswer,
  OrdersQuery,
  PlacedOrderAnswer,
  PlaceOrdersAnswer,
  RefusedOrderAnswer,
} from './orders.dto.js';
import { ordersExamples } from './orders.examples.js';
import {
  CLIENT_ORDER_ID,
  CLIENT_ORDER_ID_HEADER,
  orderRequestOf,
  PlaceOrderBody,
  PlaceOrdersBody,
} from './place-order.dto.js';

const ORDER_ID = { name: 'id', description: 'Id of the order.', schema: ID };

@ApiTags('Orders')
@Controller('api/orders')
export class OrdersController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  /**
   * Places an order, unless a kill switch, a guard, the market or the books forbid it. The answer comes when it is stored; it is sent
   * to its venue right after, orders of one market in the order of their admission. A refused order is not stored. Send a client order
   * id: when an answer is lost, the same order can then be repeated and makes no second one.
   */
  @Post()
  @HttpCode(201)
  @Access('operator')
  @Refusals('KILL_SWITCH_ON', ...REFUSAL_CODES, 'IDEMPOTENCY_KEY_REUSED', 'RISK_STATE_UNAVAILABLE')
  @ApiHeader(CLIENT_ORDER_ID_HEADER)
  @ApiBody({ type: PlaceOrderBody, examples: ordersExamples.bodies })
  @ApiCreatedResponse({
    type: PlacedOrderAnswer,
    description: 'The order is stored and will be sent.',
    example: ordersExamples.admitted,
  })
  @ApiOkResponse({
    type: PlacedOrderAnswer,
    description: 'The client order id was used before: its order, as it is by now.',
    example: ordersExamples.replayed,
  })
  async placeOrder(
    @Body() body: PlaceOrderBody,
    @Caller() caller: Actor,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PlacedOrderAnswer> {
    const order = orderRequestOf(body, idempotencyKeyOf(request, body.clientOrderId, CLIENT_ORDER_ID));
    if ('fieldErrors' in order) throw invalid(order.fieldErrors);
    const [answer] = await this.place([order], caller);
    if (answer === undefined || answer instanceof ApiError) throw answer ?? new Error('an order was not answered');
    if (answer.replayed) response.status(200);
    return answer;
  }

  /**
   * Places up to 50 orders, judged one after the other: each over what the ones before it have changed. Each has a result of its own,
   * the order or what it is refused with, as `POST /api/orders` would tell it; one that is refused keeps none of the others.
   */
  @Post('batch')
  @HttpCode(200)
  @Access('operator')
  @Refusals('RISK_STATE_UNAVAILABLE')
  @ApiExtraModels(RefusedOrderAnswer)
  @ApiBody({ type: PlaceOrdersBody, examples: ordersExamples.batchBodies })
  @ApiOkResponse({ type: PlaceOrdersAnswer, description: 'What became of each.', example: ordersExamples.batch })
  async placeOrders(
    @Body() body: PlaceOrdersBody,
    @Caller() caller: Actor,
    @Req() request: Request,
  ): Promise<PlaceOrdersAnswer> {
    refuseKeyInHeader(request, CLIENT_ORDER_ID.field);
    const orders = body.orders.map(orderIn);
    const answers = await this.place(orders.filter(isWellFormed), caller);
    const results = orders.map((order) => (isWellFormed(order) ? answers.shift() : invalid(order.fieldErrors)));
    return { ok: true, results: results.map(resultOf) };
  }

  /** Orders, newest first. */
  @Get()
  @Access('observer')
  @ApiOkResponse({ type: OrdersAnswer, description: 'A page of orders.', example: ordersExamples.page })
  async listOrders(@Query() query: OrdersQuery): Promise<OrdersAnswer> {
    const { limit, before } = pageOf(query);
    return listAnswer(await this.queries.execute(new ListOrders(filterOf(query), limit, before)));
  }

  /** One order. */
  @Get(':id')
  @Access('observer')
  @ApiParam(ORDER_ID)
  @ApiOkResponse({ type: OrderAnswer, description: 'The order.', example: ordersExamples.one })
  async getOrder(@Param('id') id: string): Promise<OrderAnswer> {
    const order = isId(id) ? await this.queries.execute(new GetOrder(id)) : null;
    if (order === null) throw unknownOrder();
    return { ok: true, order };
  }

  /**
   * Cancels an order. One that was not sent yet ends at once; a sent one is cancelled at its venue, which may have filled it before.
   * Works while a kill switch is on.
   */
  @Delete(':id')
  @HttpCode(202)
  @Access('operator')
  @Refusals('ORDER_ALREADY_FINISHED')
  @ApiParam(ORDER_ID)
  @ApiAcceptedResponse({
    type: OrderAnswer,
    description:
      'The order as it is now: CANCELED, CANCEL_PENDING, or UNKNOWN until it is found out what became of it.',
    example: ordersExamples.cancelPending,
  })
  async cancelOrder(@Param('id') id: string): Promise<OrderAnswer> {
    if (!isId(id)) throw unknownOrder();
    const result = await this.commands.execute(new CancelOrder(id));
    switch (result.kind) {
      case 'canceled':
      case 'requested':
        return { ok: true, order: result.order };
      case 'finished':
        throw new ApiError('ORDER_ALREADY_FINISHED', `The order has ended already: ${result.status}.`);
      case 'unknown-order':
        throw unknownOrder();
    }
  }

  private async place(orders: readonly OrderRequest[], caller: Actor): Promise<(PlacedOrderAnswer | ApiError)[]> {
    if (orders.length === 0) return [];
    return (await this.commands.execute(new PlaceOrders(orders, caller.name))).map(answerTo);
  }
}

function orderIn(item: unknown): OrderRequest | { fieldErrors: FieldErrors } {
  const body = judgePart(item, PlaceOrderBody);
  return 'fieldErrors' in body ? body : orderRequestOf(body, body.clientOrderId);
}

function isWellFormed(order: OrderRequest | { fieldErrors: FieldErrors }): order is OrderRequest {
  return !('fieldErrors' in order);
}

function resultOf(answer: PlacedOrderAnswer | ApiError | undefined): PlacedOrderAnswer | RefusedOrderAnswer {
  if (answer === undefined) throw new Error('an order was not answered');
  return answer instanceof ApiError ? refusedAmongOthers(answer) : answer;
}

function filterOf({ strategy, venue, market, status, runId }: OrdersQuery): OrderFilter {
  return {
    ...(strategy === undefined ? {} : { strategy }),
    ...(venue === undefined ? {} : { venue }),
    ...(market === undefined ? {} : { market }),
    ...(status === undefined ? {} : { statuses: status.split(',') as OrderStatus[] }),
    ...(runId === undefined ? {} : { runId }),
  };
}

function unknownOrder(): ApiError {
  return notFound('There is no order with this id.');
}
